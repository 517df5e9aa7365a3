// Names of formats, methods, poolings, output types and residencies, and row sizes.
#include "rowpool/types.hpp"
#include "rowpool/residency.hpp"

#include <array>

#include "core/row_layout.hpp"

namespace rowpool {
namespace {

constexpr std::array kFormats = {RowFormat::f32,      RowFormat::f16,     RowFormat::bf16, RowFormat::int8,
                                 RowFormat::int8_f16, RowFormat::int4,    RowFormat::int2, RowFormat::tbe_int8,
                                 RowFormat::tbe_int4, RowFormat::tbe_int2};
// In the order of the enums.
constexpr std::array<std::string_view, kFormats.size()> kFormatNames = {
    "f32", "f16", "bf16", "int8", "int8-f16", "int4", "int2", "tbe-int8", "tbe-int4", "tbe-int2"};
constexpr std::array<std::string_view, 3> kMethodNames = {"min-max", "greedy", "search"};
constexpr std::array<std::string_view, 5> kPoolingNames = {"none", "sum", "mean", "sqrtn", "max"};
constexpr std::array<std::string_view, 3> kOutputNames = {"f32", "f16", "bf16"};
constexpr std::array<std::string_view, 6> kResidencyNames = {"mapped",     "populated",   "locked",
                                                             "huge-pages", "interleaved", "replicated"};

template <class Enum, std::size_t kCount>
std::optional<Enum> parse(const std::array<std::string_view, kCount>& names, std::string_view name) noexcept {
    for (std::size_t i = 0; i < kCount; ++i) {
        if (names[i] == name) return static_cast<Enum>(i);
    }
    return std::nullopt;
}

}  // namespace

std::span<const RowFormat> all_row_formats() noexcept { return kFormats; }

std::string_view to_string(RowFormat format) noexcept { return kFormatNames[static_cast<std::size_t>(format)]; }
std::string_view to_string(QuantizationMethod method) noexcept {
    return kMethodNames[static_cast<std::size_t>(method)];
}
std::string_view to_string(Pooling pooling) noexcept { return kPoolingNames[static_cast<std::size_t>(pooling)]; }
std::string_view to_string(OutputType type) noexcept { return kOutputNames[static_cast<std::size_t>(type)]; }

std::string_view to_string(Residency residency) noexcept {
    return kResidencyNames[static_cast<std::size_t>(residency)];
}

std::optional<RowFormat> parse_row_format(std::string_view name) noexcept {
    return parse<RowFormat>(kFormatNames, name);
}
std::optional<QuantizationMethod> parse_quantization_method(std::string_view name) noexcept {
    return parse<QuantizationMethod>(kMethodNames, name);
}
std::optional<Pooling> parse_pooling(std::string_view name) noexcept { return parse<Pooling>(kPoolingNames, name); }
std::optional<OutputType> parse_output_type(std::string_view name) noexcept {
    return parse<OutputType>(kOutputNames, name);
}
std::optional<Residency> parse_residency(std::string_view name) noexcept {
    return parse<Residency>(kResidencyNames, name);
}

bool is_coded(RowFormat format) noexcept { return qparams_bytes(format) != 0; }

bool is_available(RowCoding coding) noexcept {
    return coding.method != QuantizationMethod::greedy || element_bits(coding.format) != 8;
}

std::size_t row_bytes(RowFormat format, std::size_t dim) noexcept {
    return row_layout(format, dim).code_bytes + qparams_bytes(format);
}

}  // namespace rowpool
