// Tables and models as Python holds them: with the arrays that their rows are in.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "python/arrays.hpp"
#include "rowpool/engine.hpp"
#include "rowpool/table.hpp"

namespace rowpool::python {

/// A table and what keeps its rows alive. `rows` is no array for a table of a file, which keeps its mapping itself.
struct HeldTable {
    Table table;
    Array rows = {};
};

struct HeldModel {
    Model model;
    std::vector<HeldTable> tables;  // one a feature
};

/// A table over an array [rows, columns], without a copy: float32, float16, bfloat16 or uint16 (bfloat16) rows, or
/// uint8 rows of bytes with their format. `dim` is needed only where bytes do not tell it: packed rows of an odd dim,
/// rows with bytes after them. Errors: TypeError, ValueError.
HeldTable view_table(nanobind::handle rows, const std::optional<std::string>& format, std::optional<std::size_t> dim,
                     std::string name);

/// A model of (Table, mode) pairs in the order of their columns. Errors: TypeError, ValueError.
HeldModel make_model(const std::vector<std::pair<HeldTable, std::string>>& features);

/// "sum", "mean", ...; ValueError for anything else.
Pooling pooling_of(const char* mode);

}  // namespace rowpool::python
