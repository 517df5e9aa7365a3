// Numbers that rows begin with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rowpool_train/mutable_table.hpp"

namespace rowpool::train {

/// The number below which a standard normal variable lies with probability p, 0 < p < 1 (M. J. Wichura, "Algorithm AS
/// 241: The Percentage Points of the Normal Distribution", Applied Statistics 37, 1988, PPND16). It uses nothing but
/// operations that IEEE 754 defines to the last bit, so it gives the same bits everywhere.
double normal_quantile(double p) noexcept;

/// Fills a row with what a new table of `rows` rows has there.
void fill_initial(Initial initial, std::uint64_t seed, std::size_t rows, std::size_t row,
                  std::span<float> out) noexcept;

}  // namespace rowpool::train
