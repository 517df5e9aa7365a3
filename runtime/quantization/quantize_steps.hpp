// The steps of a conversion, shared by quantize_rows() and the parallel Engine::quantize_rows().
#pragma once

#include <cstddef>
#include <span>

#include "rowpool/status.hpp"
#include "rowpool/table.hpp"

namespace rowpool::quantization {

/// Checks the arguments of quantize_rows().
Status check_quantize(const Table& source, RowCoding coding, std::span<std::byte> out);

/// Converts rows [first, last) until the format cannot represent one; returns that row, or `last`. Throws
/// std::bad_alloc.
std::size_t quantize_range(const Table& source, RowCoding coding, std::span<std::byte> out, std::size_t first,
                           std::size_t last);

/// The error for a row that the format cannot represent; the message calls it `number`.
Error bad_row(const Table& source, RowFormat format, std::size_t row, std::size_t number);

}  // namespace rowpool::quantization
