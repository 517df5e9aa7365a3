// Tables from NumPy's files: the matrix of a .npy file, and those of an .npz archive, in either byte order, in C or
// Fortran order.
#include "tools/inputs/numpy/npy_source.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/matrix_source.hpp"
#include "tools/inputs/numpy/npy.hpp"
#include "tools/inputs/numpy/npy_header.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

namespace {

constexpr std::string_view kExtension = ".npy";

std::optional<Element> element_of(NpyType type) {
    switch (type) {
        case NpyType::u8:
            return Element::u8;
        case NpyType::f16:
            return Element::f16;
        case NpyType::bf16:
            return Element::bf16;
        case NpyType::f32:
            return Element::f32;
        case NpyType::f64:
            return Element::f64;
        case NpyType::i32:
        case NpyType::i64:
            break;
    }
    return {};
}

/// The matrix that an array of two dimensions is.
Matrix matrix_of(const NpyArray& array, Element element) {
    Matrix matrix = dense_matrix(array.owner, array.data.data(), element, array.shape[0], array.shape[1]);
    matrix.big_endian = array.big_endian;
    if (array.fortran_order) {
        matrix.row_step = element_bytes(element);
        matrix.column_step = matrix.row_step * matrix.rows;
    }
    return matrix;
}

/// The format of rows that are coded already.
std::optional<RowFormat> packed_format(Element element, const std::string& name, Reading& reading) {
    return element == Element::u8 ? reading.packed.take(name) : std::nullopt;
}

/// A type without its byte order; names of other kinds for what is text or no number.
std::string type_text(const std::string& descr) {
    const std::size_t begin = descr.find_first_not_of("<>=|");
    const std::string type = begin == std::string::npos ? descr : descr.substr(begin);
    if (type.starts_with('c')) return "complex";
    if (type == "b1") return "bool";
    return type.starts_with('U') || type.starts_with('S') || type.starts_with('O') ? "string" : type;
}

/// A zip archive of something else is to be unpacked, not to be read as one of arrays.
void refuse_texts(const ZipArchive& archive) {
    std::vector<std::string_view> names;
    for (const ZipMember& member : archive.members()) {
        if (member.name.ends_with(kExtension)) return;
        names.emplace_back(member.name);
    }
    if (names.empty()) return;
    fail(archive.path(), ": a zip archive of ", listed(names),
         "; no table in it as it is: unpack it first and convert what was in it");
}

NewTable describe(const std::string& name, const std::string& source, const TableShape& shape) {
    NewTable description;
    description.name = name;
    description.source = source;
    description.shape = shape;
    return description;
}

}  // namespace

Sources open_npy_source(support::MappedFile file, Reading& reading) {
    const NpyArray array = open_npy(std::move(file));
    const std::string name = table_name_of(array.path);
    const std::optional<Element> element = element_of(array.type);
    if (!element) fail(array.path, ": integers; a table is a matrix of float16, float32 or float64");
    if (array.shape.size() != 2) {
        fail(array.path, ": shape ", shape_text(array.shape), " has ", array.shape.size(),
             " dimensions; a table has two, rows and columns");
    }
    if (*element != Element::u8) check_dim(array.path, array.shape[1]);
    Matrix matrix = matrix_of(array, *element);
    const auto shape = shape_of(matrix, packed_format(*element, name, reading), array.path);
    if (!shape) fail(array.path, ": bytes; if they are coded rows, say which: --packed '", name, "=int8'");
    Sources sources;
    sources.push_back(
        make_matrix_source(array.path, describe(name, file_name_of(array.path), *shape), std::move(matrix)));
    return sources;
}

Sources open_npz_sources(const ZipArchive& archive, Reading& reading) {
    Sources sources;
    for (const ZipMember& member : archive.members()) {
        if (!member.name.ends_with(kExtension)) continue;
        const std::string where = member_text(archive.path(), member.name);
        const std::string name = member.name.substr(0, member.name.size() - kExtension.size());
        NpyHeader header;
        const std::optional<NpyArray> array = parse_npy_if_known(where, archive.read(member), header);
        const std::optional<Element> element = array ? element_of(array->type) : std::nullopt;
        const auto pass_over = [&] {
            const std::string type = type_text(header.descr);
            leave_out(reading, archive.path(), name, type, header.shape, reason_for(type, header.shape));
        };
        if (!element || array->shape.size() != 2) {
            pass_over();
            continue;
        }
        Matrix matrix = matrix_of(*array, *element);
        const auto shape = shape_of(matrix, packed_format(*element, name, reading), where);
        if (!shape) {
            pass_over();
            continue;
        }
        NewTable description = describe(name, file_name_of(archive.path()) + ":" + name, *shape);
        sources.push_back(make_matrix_source(where, std::move(description), std::move(matrix)));
    }
    if (sources.empty()) {
        refuse_texts(archive);
        refuse_empty(reading, archive.path(),
                     "no two-dimensional array of floating-point numbers" + std::string(kNoPackedRows));
    }
    return sources;
}

}  // namespace rowpool::tools
