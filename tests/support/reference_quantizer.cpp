// See reference_quantizer.hpp. Formulas: FBGEMM src/QuantUtils.cc, FloatOrHalfToFused8BitRowwiseQuantizedSBFloat and
// FloatOrHalfToFusedNBitRowwiseQuantizedSBHalf; which of two equal zeros is the minimum: its AVX2 code.
#include "tests/support/reference_quantizer.hpp"

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <cstring>

#include "tests/support/reference.hpp"

namespace rowpool::test {
namespace {

constexpr std::size_t kLanes = 8;

struct Range {
    float min = FLT_MAX;
    float max = -FLT_MAX;
};

// minps and maxps return their second operand when the two are equal, std::min and std::max their first: that decides
// the sign of a zero.
Range range_of(std::span<const float> row) {
    std::array<Range, kLanes> lanes;
    const std::size_t whole = row.size() / kLanes * kLanes;
    for (std::size_t d = 0; d < whole; ++d) {
        Range& lane = lanes[d % kLanes];
        lane.min = lane.min < row[d] ? lane.min : row[d];
        lane.max = lane.max > row[d] ? lane.max : row[d];
    }
    Range range;
    for (const Range& lane : lanes) range = {std::min(range.min, lane.min), std::max(range.max, lane.max)};
    for (const float x : row.subspan(whole)) range = {std::min(range.min, x), std::max(range.max, x)};
    return range;
}

// A coded row before its parts are put together.
struct CodedRow {
    float scale;
    float bias;
    std::vector<unsigned> codes;
};

CodedRow code_in_8_bits(std::span<const float> row) {
    const auto [min, max] = range_of(row);
    const float range = max - min;
    const float inverse = 255.0f / (range + 1e-8f);
    CodedRow coded = {range / 255.0f, min, {}};
    if (!std::isfinite(coded.scale)) return coded;
    for (const float x : row) coded.codes.push_back(static_cast<unsigned>(std::lrint((x - min) * inverse)));
    return coded;
}

CodedRow code_with_half_parameters(std::span<const float> row, int bits) {
    const auto [true_min, max] = range_of(row);
    const auto largest_code = static_cast<float>((1 << bits) - 1);
    const float min = decode_f16(encode_f16(true_min));
    const float range = max - min;
    float scale = decode_f16(encode_f16(range == 0 ? 1.0f : range / largest_code));
    if (scale == 0) scale = 1;
    CodedRow coded = {scale, min, {}};
    if (!std::isfinite(scale) || !std::isfinite(min)) return coded;
    const float inverse = 1.0f / scale;
    for (const float x : row) {
        coded.codes.push_back(
            static_cast<unsigned>(std::clamp(std::nearbyint((x - min) * inverse), 0.0f, largest_code)));
    }
    return coded;
}

void put_parameter(std::byte* out, float value, std::size_t size) {
    const std::uint16_t half = encode_f16(value);
    if (size == 4) {
        std::memcpy(out, &value, 4);
    } else {
        std::memcpy(out, &half, 2);
    }
}

std::vector<std::byte> assemble(const CodedRow& coded, const RowParts& parts) {
    std::vector<std::byte> bytes(parts.row_bytes);
    std::byte* parameters = bytes.data() + (parts.parameters_first ? 0 : parts.code_bytes);
    put_parameter(parameters, coded.scale, parts.parameter_bytes);
    put_parameter(parameters + parts.parameter_bytes, coded.bias, parts.parameter_bytes);
    std::byte* codes = bytes.data() + (parts.parameters_first ? 2 * parts.parameter_bytes : 0);
    for (std::size_t d = 0; d < coded.codes.size(); ++d) {
        const std::size_t bit = d * static_cast<std::size_t>(parts.code_bits);
        codes[bit / 8] |= static_cast<std::byte>(coded.codes[d] << (bit % 8));
    }
    return bytes;
}

std::optional<std::vector<std::byte>> float_row(std::span<const float> row, RowFormat format) {
    const OutputType type = format == RowFormat::f32   ? OutputType::f32
                            : format == RowFormat::f16 ? OutputType::f16
                                                       : OutputType::bf16;
    const auto overflows = [format](float x) {
        const float stored = format == RowFormat::f16    ? decode_f16(encode_f16(x))
                             : format == RowFormat::bf16 ? decode_bf16(encode_bf16(x))
                                                         : x;
        return std::isfinite(x) && !std::isfinite(stored);
    };
    if (std::any_of(row.begin(), row.end(), overflows)) return std::nullopt;
    return encode_output(row, type);
}

}  // namespace

std::optional<std::vector<std::byte>> reference_quantize(std::span<const float> row, RowFormat format) {
    const RowParts parts = parts_of(format, row.size());
    if (parts.code_bits == 0) return float_row(row, format);
    if (std::any_of(row.begin(), row.end(), [](float x) { return !std::isfinite(x); })) return std::nullopt;
    const CodedRow coded =
        parts.parameter_bytes == 4 ? code_in_8_bits(row) : code_with_half_parameters(row, parts.code_bits);
    if (!std::isfinite(coded.scale) || !std::isfinite(coded.bias)) return std::nullopt;
    return assemble(coded, parts);
}

}  // namespace rowpool::test
