// Tables from matrices that lie in memory, whatever the order of their elements.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "rowpool/types.hpp"
#include "tools/inputs/element.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// A matrix in memory. Element (i, j) is at data + i * row_step + j * column_step.
struct Matrix {
    std::shared_ptr<const void> owner;  ///< keeps the elements where they are, and what the description points to
    const std::byte* data = nullptr;
    Element element = Element::f32;
    bool big_endian = false;
    std::size_t rows = 0;
    std::size_t columns = 0;
    std::size_t row_step = 0;  ///< in bytes; 0 repeats a row
    std::size_t column_step = 0;
};

/// A matrix whose elements follow each other, row by row.
Matrix dense_matrix(std::shared_ptr<const void> owner, const std::byte* data, Element element, std::size_t rows,
                    std::size_t columns);

/// The format of rows of such elements; that of their narrowed values for f64, and none of coded rows.
RowFormat format_of(Element element);

/// The shape of the table that a matrix is: `packed` for one of bytes, the format of its elements, f32 for f64,
/// otherwise. Nothing when no table has rows of so many values; fails when no packed row has so many bytes. `where`
/// begins the error.
std::optional<TableShape> shape_of(const Matrix& matrix, std::optional<RowFormat> packed, const std::string& where);

/// The table of a matrix, of which `description` says all. Rows are used where they lie if they can be, else gathered;
/// f64 are narrowed, and fail where they do not fit f32: the error begins with `place`, or else with the file.
std::unique_ptr<Source> make_matrix_source(const std::string& file, NewTable description, Matrix matrix,
                                           std::string place = {});

}  // namespace rowpool::tools
