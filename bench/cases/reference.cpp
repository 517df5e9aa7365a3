// The naive sum; see reference.hpp.
#include "bench/cases/reference.hpp"

#include <cmath>
#include <cstring>

namespace rowpool::bench {
namespace {

template <class T>
T read_as(const std::byte* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

float decode_f16(std::uint16_t bits) {
    const int exponent = (bits >> 10) & 31;
    const int fraction = bits & 1023;
    const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                          : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

/// A bfloat16 is the upper half of a float.
float decode_bf16(std::uint16_t bits) {
    const std::uint32_t wide = std::uint32_t{bits} << 16;
    return read_as<float>(reinterpret_cast<const std::byte*>(&wide));
}

/// The value of a float row, or the code of a coded one.
float element(RowFormat format, const std::byte* row, std::size_t column) {
    switch (format) {
        case RowFormat::f16:
            return decode_f16(read_as<std::uint16_t>(row + 2 * column));
        case RowFormat::bf16:
            return decode_bf16(read_as<std::uint16_t>(row + 2 * column));
        case RowFormat::int8:
            return static_cast<float>(std::to_integer<int>(row[column]));
        case RowFormat::int4:
            return static_cast<float>((std::to_integer<int>(row[column / 2]) >> (column % 2 * 4)) & 15);
        default:
            return read_as<float>(row + 4 * column);
    }
}

struct Qparams {
    float scale;
    float bias;
};

Qparams qparams(RowFormat format, const std::byte* row, std::size_t dim) {
    if (format == RowFormat::int8) return {read_as<float>(row + dim), read_as<float>(row + dim + 4)};
    const std::byte* halves = row + (dim + 1) / 2;
    return {decode_f16(read_as<std::uint16_t>(halves)), decode_f16(read_as<std::uint16_t>(halves + 2))};
}

}  // namespace

std::vector<float> reference_sum(const Table& table, std::span<const std::int32_t> bag) {
    std::vector<float> sum(table.dim());
    float bias = 0;
    for (const std::int32_t id : bag) {
        const std::byte* row = table.data() + static_cast<std::size_t>(id) * table.row_stride();
        const bool coded = is_coded(table.format());
        const Qparams q = coded ? qparams(table.format(), row, table.dim()) : Qparams{1, 0};
        bias += q.bias;
        for (std::size_t d = 0; d < sum.size(); ++d) {
            const float x = element(table.format(), row, d);
            sum[d] = coded ? std::fma(q.scale, x, sum[d]) : sum[d] + x;
        }
    }
    for (float& value : sum) value += bias;
    return sum;
}

}  // namespace rowpool::bench
