// NumPy's .npy files: one array each, format versions 1 to 3.
#include "tools/inputs/numpy/npy.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/input_file.hpp"
#include "tools/inputs/numpy/npy_header.hpp"

namespace rowpool::tools {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kWriteBytes = std::size_t{16} << 20;

struct NamedType {
    std::string_view name;
    NpyType type;
};
constexpr std::array kTypes = {NamedType{"u1", NpyType::u8},   NamedType{"f2", NpyType::f16},
                               NamedType{"V2", NpyType::bf16},  // as NumPy writes it, which has no bfloat16
                               NamedType{"f4", NpyType::f32},  NamedType{"f8", NpyType::f64},
                               NamedType{"i4", NpyType::i32},  NamedType{"i8", NpyType::i64}};

std::string_view name_of(NpyType type) {
    return std::find_if(kTypes.begin(), kTypes.end(), [type](const NamedType& t) { return t.type == type; })->name;
}

/// Where the header's text lies in the file.
struct TextRange {
    std::size_t begin;
    std::size_t size;
};

TextRange header_text(const std::string& path, std::span<const std::byte> bytes) {
    if (!is_npy(bytes) || bytes.size() < 10)
        fail(path, ": no .npy file: it does not begin with \\x93NUMPY and a header");
    const auto major = std::to_integer<unsigned>(bytes[6]);
    const auto minor = std::to_integer<unsigned>(bytes[7]);
    if (major < 1 || major > 3 || minor != 0) fail(path, ": .npy format version ", major, '.', minor, " is unknown");
    const std::size_t width = major == 1 ? 2 : 4;
    std::uint32_t size = 0;
    if (bytes.size() >= 8 + width) std::memcpy(&size, bytes.data() + 8, width);
    const TextRange text = {8 + width, size};
    if (bytes.size() < text.begin || bytes.size() - text.begin < text.size) {
        fail(path, ": ", bytes.size(), " bytes, cut short within its header of ", text.begin + text.size);
    }
    return text;
}

/// Whether the type is a known one.
bool set_type(NpyArray& array, std::string_view descr) {
    const bool ordered = !descr.empty() && std::string_view("<>=|").find(descr[0]) != std::string_view::npos;
    const std::string_view name = ordered ? descr.substr(1) : descr;
    const auto known = std::find_if(kTypes.begin(), kTypes.end(), [&](const NamedType& t) { return t.name == name; });
    if (known == kTypes.end()) return false;
    array.type = known->type;
    array.big_endian = descr[0] == '>';
    return true;
}

[[noreturn]] void fail_for_type(const std::string& path, std::string_view descr) {
    const std::size_t begin = descr.find_first_not_of("<>=|");
    const bool whole = begin != std::string_view::npos && (descr[begin] == 'i' || descr[begin] == 'u');
    fail(path, ": dtype '", printable(descr), descr.ends_with('O') ? "' (Python objects)" : "'",
         " cannot be read; known are float16, float32, float64, int32, int64 and uint8, and V2 for bfloat16",
         whole ? "; save whole numbers with .astype('int64')" : "");
}

std::size_t element_count(const NpyArray& array) {
    std::size_t count = 1;
    std::size_t bytes = 0;
    for (const std::size_t size : array.shape) {
        if (__builtin_mul_overflow(count, size, &count))
            fail(array.path, ": the sizes in its shape ", shape_text(array.shape), " overflow");
    }
    if (__builtin_mul_overflow(count, item_bytes(array.type), &bytes)) {
        fail(array.path, ": the sizes in its shape ", shape_text(array.shape), " overflow");
    }
    return count;
}

/// Refuses what cannot be used as T where it lies.
template <class T>
void require_native(const NpyArray& array) {
    if (array.big_endian) fail(array.path, ": big-endian; save it as little-endian");
    if (array.fortran_order) fail(array.path, ": in Fortran order; save it in C order (numpy.ascontiguousarray)");
    if (array.size > 0 && reinterpret_cast<std::uintptr_t>(array.data.data()) % alignof(T) != 0) {
        fail(array.path, ": its elements do not begin at a multiple of ", alignof(T), " bytes");
    }
}

template <class T>
std::span<const T> elements(const NpyArray& array) {
    require_native<T>(array);
    return {reinterpret_cast<const T*>(array.data.data()), array.size};
}

/// The array of the file, or nothing when its type is unknown.
std::optional<NpyArray> parse_array(const std::string& path, const SharedBytes& file, NpyHeader& header) {
    NpyArray array = {.path = path, .owner = file.owner, .shape = {}, .data = {}};
    const std::span<const std::byte> bytes = file.bytes;
    const TextRange text = header_text(array.path, bytes);
    const std::string_view header_chars(reinterpret_cast<const char*>(bytes.data()) + text.begin, text.size);
    header = parse_npy_header(array.path, header_chars);
    array.shape = header.shape;
    if (!set_type(array, header.descr)) return {};
    array.fortran_order = header.fortran_order && array.shape.size() > 1;
    array.size = element_count(array);
    array.data = bytes.subspan(text.begin + text.size);
    if (array.data.size() != array.size * item_bytes(array.type)) {
        fail(array.path, ": ", bytes.size(), " bytes, but a header of ", text.begin + text.size, " and shape ",
             shape_text(array.shape), " of ", item_bytes(array.type), "-byte elements need ", text.begin + text.size,
             " + ", array.size * item_bytes(array.type));
    }
    return array;
}

}  // namespace

std::size_t item_bytes(NpyType type) {
    if (type == NpyType::u8) return 1;
    if (type == NpyType::f16 || type == NpyType::bf16) return 2;
    return type == NpyType::f32 || type == NpyType::i32 ? 4 : 8;
}

bool is_npy(std::span<const std::byte> bytes) {
    return bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

NpyArray open_npy(const std::string& path) { return open_npy(open_input(path)); }

NpyArray open_npy(support::MappedFile file) {
    const auto owner = std::make_shared<const support::MappedFile>(std::move(file));
    return parse_npy(owner->path(), {owner, owner->bytes()});
}

std::optional<NpyArray> parse_npy_if_known(const std::string& path, const SharedBytes& file, NpyHeader& header) {
    return parse_array(path, file, header);
}

NpyArray parse_npy(const std::string& path, const SharedBytes& file) {
    NpyHeader header;
    std::optional<NpyArray> array = parse_array(path, file, header);
    if (!array) fail_for_type(path, header.descr);
    return *std::move(array);
}

IndexSpan index_values(const NpyArray& array, std::string_view what) {
    if (array.type == NpyType::i32) return elements<std::int32_t>(array);
    if (array.type == NpyType::i64) return elements<std::int64_t>(array);
    fail(array.path, ": dtype ", name_of(array.type), "; ", what, " must be int32 or int64 (i4 or i8)");
}

std::span<const float> float_values(const NpyArray& array, std::string_view what) {
    if (array.type == NpyType::f32) return elements<float>(array);
    fail(array.path, ": dtype ", name_of(array.type), "; ", what, " must be float32 (f4)");
}

NpyWriter::NpyWriter(const std::string& path, std::string_view descr, std::span<const std::size_t> shape)
    : file_(value_of(support::OutputFile::create(path))) {
    const std::string preamble = npy_preamble(descr, shape);
    append(std::as_bytes(std::span(preamble)));
}

void NpyWriter::append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        stop_if_interrupted();
        const std::span<const std::byte> block = bytes.first(std::min(bytes.size(), kWriteBytes));
        check(file_.write_at(written_, block));
        written_ += block.size();
        bytes = bytes.subspan(block.size());
    }
}

void NpyWriter::commit() { check(file_.commit()); }

}  // namespace rowpool::tools
