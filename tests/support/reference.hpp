// A second implementation of what docs/NUMERICS.md says, to compare with: naive, literal, and sharing no code with the
// library (only the names of its enums).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rowpool/pool.hpp"
#include "rowpool/types.hpp"

namespace rowpool::test {

/// The value of a half-precision number, by its definition.
float decode_f16(std::uint16_t bits);
float decode_bf16(std::uint16_t bits);

/// The nearest half-precision number, ties to even; every NaN becomes the canonical one (0x7e00, 0x7fc0).
std::uint16_t encode_f16(float value);
std::uint16_t encode_bf16(float value);

/// Where the parts of a stored row are.
struct RowParts {
    int code_bits = 0;  ///< 8, 4 or 2; 0 for float rows
    std::size_t code_bytes = 0;
    std::size_t parameter_bytes = 0;  ///< of scale and bias each: 4 or 2; 0 for float rows
    bool parameters_first = false;
    std::size_t row_bytes = 0;
};
RowParts parts_of(RowFormat format, std::size_t dim);

/// One row: its codes as numbers with their scale and bias, or its values.
struct ReferenceRow {
    float scale = 1;
    float bias = 0;
    std::vector<float> values;
};

struct ReferenceTable {
    bool coded = false;
    std::size_t dim = 0;
    std::vector<ReferenceRow> rows;
    std::vector<std::int32_t> remap = {};  ///< the row of each id, or no row at all; empty when ids are rows
};

/// Reads `rows` rows that start `stride` bytes apart.
ReferenceTable read_table(RowFormat format, std::size_t rows, std::size_t dim, std::size_t stride,
                          const std::byte* data);

/// What a plain lookup, max and export see of a row.
std::vector<float> decoded_values(const ReferenceTable& table, std::size_t row);

struct ReferenceBags {
    std::vector<std::int64_t> indices;
    std::vector<std::size_t> offsets;  ///< bags + 1 entries
    std::vector<float> weights;        ///< one an index, or empty
};

struct ReferenceOptions {
    Pooling mode = Pooling::sum;
    std::optional<std::int64_t> padding = {};  ///< in [0, ids)
    Divisor divisor = Divisor::rows_taken;
};

struct ReferenceResult {
    std::vector<float> values;  ///< [bags, dim], with canonical NaNs
    std::size_t skipped = 0;    ///< indices that are no id
};

/// Pools with indices that are no id, or whose id has no row, left out.
ReferenceResult reference_pool(const ReferenceTable& table, const ReferenceBags& bags, const ReferenceOptions& options);

/// Bytes of an output buffer that holds these values rounded to `type`.
std::vector<std::byte> encode_output(std::span<const float> values, OutputType type);

/// Bytes of one element.
std::size_t element_bytes(OutputType type);

}  // namespace rowpool::test
