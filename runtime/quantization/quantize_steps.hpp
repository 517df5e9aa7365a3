// The steps of a conversion, for the calling thread's and for the parallel one.
#pragma once

#include <cstddef>
#include <span>

#include "rowpool/status.hpp"
#include "rowpool/table.hpp"

namespace rowpool::quantization {

/// What quantize_rows demands of its arguments.
Status check_quantize(const Table& source, RowCoding coding, std::span<std::byte> out);

/// Converts rows [first, last) until one cannot be held; returns that row, or `last`. Throws std::bad_alloc.
std::size_t quantize_range(const Table& source, RowCoding coding, std::span<std::byte> out, std::size_t first,
                           std::size_t last);

/// Why a row, called `number` in the message, cannot be held.
Error bad_row(const Table& source, RowFormat format, std::size_t row, std::size_t number);

}  // namespace rowpool::quantization
