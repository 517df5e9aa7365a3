// How inputs are read: what the command line says of them, and what came up that the person should know.
#include "tools/inputs/reading.hpp"

#include <algorithm>
#include <array>

#include "rowpool/table.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

constexpr std::uint64_t kFewRows = 4;
constexpr std::size_t kMostNamed = 3;

/// Of a matrix or of all matrices in a stack.
std::uint64_t rows_of(std::span<const std::uint64_t> shape) {
    std::uint64_t rows = shape[0];
    if (shape.size() == 3 && __builtin_mul_overflow(rows, shape[1], &rows)) rows = UINT64_MAX;
    return rows;
}

bool looks_like_embedding(std::string_view type, std::span<const std::uint64_t> shape) {
    if (shape.size() != 2 && shape.size() != 3) return false;
    if (type == "bool" || type == "BOOL" || type == "string" || type.starts_with("complex")) return false;
    return shape.back() != 0 && rows_of(shape) > kFewRows;
}

std::string sizes_text(std::span<const std::uint64_t> shape) {
    std::string text;
    for (const std::uint64_t size : shape) text += (text.empty() ? "" : " x ") + std::to_string(size);
    return text;
}

/// Whether a type, as PyTorch, safetensors, NumPy or ONNX spell it, is one of the words that begin so.
bool begins(std::string_view type, std::span<const std::string_view> words) {
    return std::ranges::any_of(words, [&](std::string_view word) { return type.starts_with(word); });
}

constexpr std::array<std::string_view, 6> kEighths = {"float8_e8m0", "F8_E8M0", "float4", "F4", "F6", "FLOAT8"};
constexpr std::array<std::string_view, 8> kBytes = {"int8", "I8", "INT8", "i1", "int4", "INT4", "uint4", "UINT4"};
constexpr std::array<std::string_view, 4> kUnsignedBytes = {"uint8", "U8", "UINT8", "u1"};
constexpr std::array<std::string_view, 7> kIntegers = {"int", "I", "INT", "i", "uint", "U", "u"};

}  // namespace

std::optional<NamesColumn> parse_names_column(std::string_view name) noexcept {
    if (name == "yes") return NamesColumn::yes;
    if (name == "no") return NamesColumn::no;
    return {};
}

std::optional<OnBadLine> parse_on_bad_line(std::string_view name) noexcept {
    if (name == "fail") return OnBadLine::fail;
    if (name == "skip") return OnBadLine::skip;
    return {};
}

std::string text_of(const LeftOut& left_out) {
    return printable(left_out.name) + " (" + left_out.kind + "): " + left_out.reason;
}

std::string reason_for(std::string_view type, std::span<const std::uint64_t> shape) {
    if (begins(type, kEighths)) return "values of 8 bits or less are not read; save it as float16 or float32";
    if (begins(type, kBytes)) return "codes without what they stand for; save it dequantized, as float16 or float32";
    if (begins(type, kUnsignedBytes)) {
        return "bytes; if they are coded rows, say which with --packed, else save it dequantized";
    }
    if (begins(type, kIntegers)) return "whole numbers are no rows of a table";
    if (shape.size() == 3) {
        const std::array<std::uint64_t, 2> flat = {rows_of(shape), shape.back()};
        return "3 dimensions; save its matrices one by one, or all as one of " + sizes_text(flat);
    }
    if (!shape.empty() && shape.back() > kMaxDim) return "more than " + std::to_string(kMaxDim) + " columns";
    return "its element type is not read; save it as float16 or float32";
}

void leave_out(Reading& reading, const std::string& file, std::string_view name, std::string_view type,
               std::span<const std::uint64_t> shape, const std::string& reason) {
    const bool matters = looks_like_embedding(type, shape) || (reading.joins && shape.size() == 2);
    if (!matters) return;
    reading.left_out.push_back({file, std::string(name), printable(type) + " " + sizes_text(shape), reason});
}

void refuse_empty(const Reading& reading, const std::string& file, std::string_view wanted) {
    if (reading.lists) return;
    std::string others;
    std::size_t count = 0;
    for (std::size_t i = reading.left_out_before; i < reading.left_out.size(); ++i) {
        const LeftOut& left_out = reading.left_out[i];
        if (++count > kMostNamed) continue;
        others += (count == 1 ? "; there is " : "; ") + text_of(left_out);
    }
    if (count > kMostNamed) others += "; and " + std::to_string(count - kMostNamed) + " more";
    fail(file, ": no table in it: ", wanted, others);
}

}  // namespace rowpool::tools
