// Rows from float to any row format and back.
#pragma once

#include <cstddef>
#include <span>

#include "rowpool/export.hpp"
#include "rowpool/status.hpp"
#include "rowpool/table.hpp"
#include "rowpool/types.hpp"

namespace rowpool {

/// Converts the rows of a float table to `coding.format`, with scales and biases chosen by `coding.method`.
///
/// With min_max, int8, int4 and int2 codes, scales and biases equal those of
/// torch.ops.quantized.embedding_bag_{byte,4bit,2bit}_prepack bit for bit, int8_f16 those of FBGEMM's
/// FloatToFusedNBitRowwiseQuantizedSBHalf with 8 bits; with greedy, int4 and int2 equal those of
/// embedding_bag_{4bit,2bit}_prepack with optimized_qparams=True. The tbe formats hold the same codes and f16
/// parameters with the parameters first. Unused codes in the last byte of a packed row are zero.
///
/// @param source  [rows, dim] in f32, f16 or bf16
/// @param out     rows * row_bytes(format, dim) bytes, rows without gaps
/// @param first   row number of the source's first row in error messages: not 0 when the source is a part of a table
/// Errors: invalid_argument when the source is coded, the coding is not available, `out` has another size, or the
/// format cannot represent a row. A coded format cannot represent a NaN or infinite value, or a row whose scale or bias
/// would not be finite by min_max; f16 and bf16 cannot represent a finite value that would round to infinity. The
/// message names the row; the contents of `out` are then unspecified. out_of_memory. Thread safety: reentrant; one
/// thread. Engine::quantize_rows does the same on all threads.
ROWPOOL_API Status quantize_rows(const Table& source, RowCoding coding, std::span<std::byte> out,
                                 std::size_t first = 0);

/// Decodes rows [first, first + out.size() / dim) of a table to f32: `scale * code + bias` with two roundings, the
/// value that a plain lookup gives. Where the table has a remap these are ids: pruned ones give zeros.
/// Errors: invalid_argument when out.size() is no multiple of dim or runs past the last row; unsupported_isa. Thread
/// safety: reentrant; one thread.
ROWPOOL_API Status dequantize_rows(const Table& table, std::size_t first, std::span<float> out);

}  // namespace rowpool
