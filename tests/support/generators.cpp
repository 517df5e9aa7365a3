// See generators.hpp.
#include "tests/support/generators.hpp"

#include <cstring>
#include <limits>

namespace rowpool::test {
namespace {

constexpr std::byte kGap{0xff};

void put_f32(std::byte* out, float value) { std::memcpy(out, &value, sizeof value); }

void put_half(std::byte* out, std::uint16_t bits) { std::memcpy(out, &bits, sizeof bits); }

void fill_randomly(Random& random, std::byte* bytes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(random.next());
}

// Now and then any bits at all: every kind of NaN is among them.
bool keeps_random_bits(Random& random, Values values) { return values == Values::hostile && random.below(16) == 0; }

void fill_float_row(Random& random, RowFormat format, std::size_t dim, Values values, std::byte* row) {
    fill_randomly(random, row, parts_of(format, dim).row_bytes);
    for (std::size_t d = 0; d < dim; ++d) {
        if (keeps_random_bits(random, values)) continue;
        const float value = random_value(random, values);
        switch (format) {
            case RowFormat::f16:
                put_half(row + 2 * d, encode_f16(value));
                break;
            case RowFormat::bf16:
                put_half(row + 2 * d, encode_bf16(value));
                break;
            default:
                put_f32(row + 4 * d, value);
        }
    }
}

void fill_coded_row(Random& random, const RowParts& parts, Values values, std::byte* row) {
    fill_randomly(random, row, parts.row_bytes);
    std::byte* parameters = parts.parameters_first ? row : row + parts.code_bytes;
    for (std::size_t i = 0; i < 2; ++i, parameters += parts.parameter_bytes) {
        if (keeps_random_bits(random, values)) continue;
        const float value = random_value(random, values);
        if (parts.parameter_bytes == 4) {
            put_f32(parameters, value);
        } else {
            put_half(parameters, encode_f16(value));
        }
    }
}

}  // namespace

float random_value(Random& random, Values values) {
    using Limits = std::numeric_limits<float>;
    static constexpr float kExtremes[] = {Limits::quiet_NaN(),
                                          Limits::infinity(),
                                          -Limits::infinity(),
                                          -0.0f,
                                          0.0f,
                                          Limits::max(),
                                          Limits::lowest(),
                                          Limits::min(),
                                          Limits::denorm_min(),
                                          -Limits::denorm_min(),
                                          1e-40f,
                                          65504.0f,
                                          65519.0f,
                                          -65520.0f,
                                          6.1e-5f,
                                          6e-8f,
                                          2.9e-8f,
                                          1e30f,
                                          -1e-30f};
    if (values == Values::hostile && random.below(4) == 0) return random.pick(kExtremes);
    return random.uniform(-1, 1);
}

MadeTable make_table(Random& random, RowFormat format, std::size_t rows, std::size_t dim, std::size_t gap,
                     Values values) {
    const RowParts parts = parts_of(format, dim);
    const std::size_t stride = parts.row_bytes + gap;
    MadeTable table = {format, rows, dim, stride, {}, {}};
    table.bytes.assign(rows == 0 ? 0 : rows * stride - gap, kGap);
    for (std::size_t r = 0; r < rows; ++r) {
        std::byte* row = table.bytes.data() + r * stride;
        if (parts.code_bits == 0) {
            fill_float_row(random, format, dim, values, row);
        } else {
            fill_coded_row(random, parts, values, row);
        }
    }
    table.reference = read_table(format, rows, dim, stride, table.bytes.data());
    return table;
}

void add_remap(Random& random, std::size_t ids, bool hostile, MadeTable& table) {
    using Limits = std::numeric_limits<std::int32_t>;
    const auto rows = static_cast<std::int32_t>(table.rows);
    const std::int32_t no_row[] = {-2, rows, rows + 1, Limits::min(), Limits::max()};
    for (std::size_t id = 0; id < ids; ++id) {
        const auto row = static_cast<std::int32_t>(random.below(table.rows));
        const bool has_no_row = random.below(4) == 0;
        table.reference.remap.push_back(!has_no_row ? row : hostile ? random.pick(no_row) : -1);
    }
}

ReferenceBags make_bags(Random& random, std::span<const std::size_t> lengths, std::size_t rows, std::size_t bad_every) {
    static constexpr std::int64_t kBad[] = {-1, -7, std::numeric_limits<std::int32_t>::min(),
                                            std::numeric_limits<std::int32_t>::max()};
    ReferenceBags bags;
    bags.offsets.push_back(0);
    for (const std::size_t length : lengths) {
        for (std::size_t j = 0; j < length; ++j) {
            const bool bad = bad_every != 0 && random.below(bad_every) == 0;
            const bool just_past = bad && random.below(2) == 0;
            const auto row = static_cast<std::int64_t>(just_past ? rows : random.below(rows));
            bags.indices.push_back(bad && !just_past ? random.pick(kBad) : row);
        }
        bags.offsets.push_back(bags.indices.size());
    }
    return bags;
}

std::vector<float> make_weights(Random& random, std::size_t count) {
    std::vector<float> weights(count);
    for (float& weight : weights) weight = random.below(10) == 0 ? 0.0f : random.uniform(-2, 2);
    return weights;
}

}  // namespace rowpool::test
