// The naive reference; see reference.hpp.
#include "tests/support/reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace rowpool::test {
namespace {

// A binary interchange format narrower than f32, by the parameters of IEEE 754.
struct HalfFormat {
    int fraction_bits;
    int min_exponent;
    unsigned infinity;
};
constexpr HalfFormat kF16 = {10, -14, 0x7c00};
constexpr HalfFormat kBF16 = {7, -126, 0x7f80};
constexpr unsigned kSign = 0x8000;

float decode_half(unsigned bits, const HalfFormat& format) {
    const unsigned magnitude = bits & 0x7fff;
    const int fraction = static_cast<int>(magnitude & ((1u << format.fraction_bits) - 1));
    const int exponent = static_cast<int>(magnitude >> format.fraction_bits);
    float value = 0;
    if (magnitude > format.infinity) {
        value = std::numeric_limits<float>::quiet_NaN();
    } else if (magnitude == format.infinity) {
        value = std::numeric_limits<float>::infinity();
    } else {
        const int significand = exponent == 0 ? fraction : fraction + (1 << format.fraction_bits);
        value = std::ldexp(static_cast<float>(significand),
                           format.min_exponent + std::max(exponent, 1) - 1 - format.fraction_bits);
    }
    return (bits & kSign) != 0 ? -value : value;
}

// The significand is rounded as a whole number of units in the last place, whose carry runs into the exponent.
std::uint16_t encode_half(float value, const HalfFormat& format) {
    if (std::isnan(value)) {
        return static_cast<std::uint16_t>(format.infinity + (1u << (format.fraction_bits - 1)));
    }
    const unsigned sign = std::signbit(value) ? kSign : 0;
    const double magnitude = std::fabs(static_cast<double>(value));
    if (magnitude == 0 || std::isinf(magnitude)) {
        return static_cast<std::uint16_t>(sign + (magnitude == 0 ? 0 : format.infinity));
    }
    const int exponent = std::max(std::ilogb(magnitude), format.min_exponent);
    const double units = std::nearbyint(std::ldexp(magnitude, format.fraction_bits - exponent));
    const unsigned bits =
        static_cast<unsigned>(units) + (static_cast<unsigned>(exponent - format.min_exponent) << format.fraction_bits);
    return static_cast<std::uint16_t>(sign + std::min(bits, format.infinity));
}

template <class T>
T read_as(const std::byte* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

float read_parameter(const std::byte* bytes, std::size_t size) {
    return size == 4 ? read_as<float>(bytes) : decode_f16(read_as<std::uint16_t>(bytes));
}

float read_code(const std::byte* codes, int bits, std::size_t column) {
    const std::size_t bit = column * static_cast<std::size_t>(bits);
    const unsigned byte = std::to_integer<unsigned>(codes[bit / 8]);
    return static_cast<float>((byte >> (bit % 8)) & ((1u << bits) - 1));
}

float read_value(RowFormat format, const std::byte* row, std::size_t column) {
    switch (format) {
        case RowFormat::f16:
            return decode_f16(read_as<std::uint16_t>(row + 2 * column));
        case RowFormat::bf16:
            return decode_bf16(read_as<std::uint16_t>(row + 2 * column));
        default:
            return read_as<float>(row + 4 * column);
    }
}

ReferenceRow read_row(RowFormat format, const RowParts& parts, std::size_t dim, const std::byte* bytes) {
    ReferenceRow row;
    row.values.resize(dim);
    if (parts.code_bits == 0) {
        for (std::size_t d = 0; d < dim; ++d) {
            row.values[d] = read_value(format, bytes, d);
        }
        return row;
    }
    const std::byte* parameters = parts.parameters_first ? bytes : bytes + parts.code_bytes;
    const std::byte* codes = parts.parameters_first ? bytes + 2 * parts.parameter_bytes : bytes;
    row.scale = read_parameter(parameters, parts.parameter_bytes);
    row.bias = read_parameter(parameters + parts.parameter_bytes, parts.parameter_bytes);
    for (std::size_t d = 0; d < dim; ++d) {
        row.values[d] = read_code(codes, parts.code_bits, d);
    }
    return row;
}

// The rows that go into one bag, each with its weight (1 without weights).
struct TakenRow {
    std::size_t row;
    float weight;
};

struct Bag {
    std::vector<TakenRow> taken;
    std::size_t length = 0;
    bool weighted = false;
};

bool is_id(const ReferenceTable& table, std::int64_t index) {
    const std::size_t ids = table.remap.empty() ? table.rows.size() : table.remap.size();
    return index >= 0 && index < static_cast<std::int64_t>(ids);
}

std::optional<std::size_t> stored_row(const ReferenceTable& table, std::int64_t id) {
    if (table.remap.empty()) return static_cast<std::size_t>(id);
    const std::int64_t row = table.remap[static_cast<std::size_t>(id)];
    if (row < 0 || row >= static_cast<std::int64_t>(table.rows.size())) return std::nullopt;
    return static_cast<std::size_t>(row);
}

std::vector<float> weighted_sum(const ReferenceTable& table, const Bag& bag) {
    std::vector<float> sum(table.dim, 0.0f);
    float bias = 0;
    for (const TakenRow& taken : bag.taken) {
        const ReferenceRow& row = table.rows[taken.row];
        const float factor = bag.weighted ? taken.weight * row.scale : row.scale;
        bias = std::fma(taken.weight, row.bias, bias);
        for (std::size_t d = 0; d < table.dim; ++d) {
            const float x = row.values[d];
            sum[d] = table.coded || bag.weighted ? std::fma(factor, x, sum[d]) : sum[d] + x;
        }
    }
    if (table.coded) {
        std::for_each(sum.begin(), sum.end(), [bias](float& value) { value += bias; });
    }
    return sum;
}

float divisor_of(const Bag& bag, const ReferenceOptions& options) {
    const bool root = options.mode == Pooling::sqrtn;
    float total = static_cast<float>(bag.taken.size());
    if (options.divisor == Divisor::bag_length) {
        total = static_cast<float>(bag.length);
    } else if (bag.weighted) {
        total = 0;
        for (const TakenRow& taken : bag.taken) {
            total = root ? std::fma(taken.weight, taken.weight, total) : total + taken.weight;
        }
    }
    return root ? std::sqrt(total) : total;
}

std::vector<float> largest(const ReferenceTable& table, const Bag& bag) {
    std::vector<float> result = decoded_values(table, bag.taken.front().row);
    for (const TakenRow& taken : bag.taken) {
        const std::vector<float> row = decoded_values(table, taken.row);
        for (std::size_t d = 0; d < table.dim; ++d) {
            result[d] = row[d] > result[d] ? row[d] : result[d];
        }
    }
    return result;
}

std::vector<float> pool_bag(const ReferenceTable& table, const Bag& bag, const ReferenceOptions& options) {
    if (bag.taken.empty()) {
        return std::vector<float>(table.dim, 0.0f);
    }
    if (options.mode == Pooling::none || options.mode == Pooling::max) {
        return largest(table, bag);
    }
    std::vector<float> result = weighted_sum(table, bag);
    if (options.mode != Pooling::sum) {
        const float divisor = divisor_of(bag, options);
        std::for_each(result.begin(), result.end(),
                      [divisor](float& value) { value = divisor == 0 ? 0.0f : value / divisor; });
    }
    return result;
}

}  // namespace

float decode_f16(std::uint16_t bits) { return decode_half(bits, kF16); }

float decode_bf16(std::uint16_t bits) { return decode_half(bits, kBF16); }

std::uint16_t encode_f16(float value) { return encode_half(value, kF16); }

std::uint16_t encode_bf16(float value) { return encode_half(value, kBF16); }

RowParts parts_of(RowFormat format, std::size_t dim) {
    const auto coded = [dim](int bits, std::size_t parameter_bytes, bool first) {
        const std::size_t code_bytes = (dim * static_cast<std::size_t>(bits) + 7) / 8;
        return RowParts{bits, code_bytes, parameter_bytes, first, code_bytes + 2 * parameter_bytes};
    };
    switch (format) {
        case RowFormat::f32:
            return {.row_bytes = 4 * dim};
        case RowFormat::f16:
        case RowFormat::bf16:
            return {.row_bytes = 2 * dim};
        case RowFormat::int8:
            return coded(8, 4, false);
        case RowFormat::int8_f16:
            return coded(8, 2, false);
        case RowFormat::int4:
            return coded(4, 2, false);
        case RowFormat::int2:
            return coded(2, 2, false);
        case RowFormat::tbe_int8:
            return coded(8, 2, true);
        case RowFormat::tbe_int4:
            return coded(4, 2, true);
        case RowFormat::tbe_int2:
            return coded(2, 2, true);
    }
    return {};
}

ReferenceTable read_table(RowFormat format, std::size_t rows, std::size_t dim, std::size_t stride,
                          const std::byte* data) {
    const RowParts parts = parts_of(format, dim);
    ReferenceTable table = {parts.code_bits != 0, dim, {}};
    for (std::size_t r = 0; r < rows; ++r) {
        table.rows.push_back(read_row(format, parts, dim, data + r * stride));
    }
    return table;
}

std::vector<float> decoded_values(const ReferenceTable& table, std::size_t row) {
    const ReferenceRow& stored = table.rows[row];
    std::vector<float> values = stored.values;
    if (table.coded) {
        for (float& value : values) {
            value = std::fma(stored.scale, value, 0.0f) + stored.bias;
        }
    }
    return values;
}

ReferenceResult reference_pool(const ReferenceTable& table, const ReferenceBags& bags,
                               const ReferenceOptions& options) {
    ReferenceResult result;
    for (std::size_t b = 0; b + 1 < bags.offsets.size(); ++b) {
        Bag bag = {{}, bags.offsets[b + 1] - bags.offsets[b], !bags.weights.empty()};
        for (std::size_t j = bags.offsets[b]; j < bags.offsets[b + 1]; ++j) {
            const std::int64_t index = bags.indices[j];
            const bool padding = options.mode != Pooling::none && options.padding == index;
            if (!is_id(table, index)) {
                ++result.skipped;
            } else if (const auto row = stored_row(table, index); row && !padding) {
                bag.taken.push_back({*row, bag.weighted ? bags.weights[j] : 1.0f});
            }
        }
        const std::vector<float> pooled = pool_bag(table, bag, options);
        result.values.insert(result.values.end(), pooled.begin(), pooled.end());
    }
    for (float& value : result.values) {
        value = std::isnan(value) ? std::numeric_limits<float>::quiet_NaN() : value;
    }
    return result;
}

std::size_t element_bytes(OutputType type) { return type == OutputType::f32 ? 4 : 2; }

std::vector<std::byte> encode_output(std::span<const float> values, OutputType type) {
    std::vector<std::byte> bytes(values.size() * element_bytes(type));
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (type == OutputType::f32) {
            std::memcpy(&bytes[4 * i], &values[i], 4);
        } else {
            const std::uint16_t half = type == OutputType::f16 ? encode_f16(values[i]) : encode_bf16(values[i]);
            std::memcpy(&bytes[2 * i], &half, 2);
        }
    }
    return bytes;
}

}  // namespace rowpool::test
