// Rows of a plan that may not be in memory are asked for before they are pooled, part by part.
#pragma once

#include "pooling/slice.hpp"

namespace rowpool::pooling {

/// Begins to read the cold rows of the bags from `first` up to `last`, and waits for none. Indices need not have been
/// checked: bad ones have no row.
void begin_reading(const Plan& plan, const Place& first, const Place& last) noexcept;

/// Where a part ends that begins before `last`: there, or after the bag with which it has enough indices to keep a
/// disk busy. What is asked for of one part or two takes too little memory to drive out what is about to be read.
Place end_of_part(const Plan& plan, const Place& begin, const Place& last) noexcept;

}  // namespace rowpool::pooling
