// The extension module rowpool._core: what the Python package offers, and its documentation.
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <filesystem>

#include "python/errors.hpp"
#include "python/pooling.hpp"
#include "python/tables.hpp"
#include "rowpool/rowpool.hpp"

namespace rowpool::python {
namespace {

namespace nb = nanobind;
using namespace nb::literals;

constexpr const char* kTableDoc =
    "Rows to look up in. Table(rows, format=None, dim=None, name='table') is a view of an array [rows, columns], which "
    "it keeps alive and does not copy: float32, float16 or bfloat16 (uint16 in NumPy) rows, or uint8 rows of bytes "
    "with their format: 'int8', 'int4', 'tbe-int8', ... dim is needed only where the bytes of a row do not tell it.";

constexpr const char* kPoolDoc =
    "Looks rows up and pools those of each bag into a row of the result.\n\n"
    "indices, offsets and lengths are int32 or int64, weights float32. Bag b is indices[offsets[b]:offsets[b + 1]], "
    "so offsets has an entry more than there are bags; lengths are the numbers of indices of the bags instead. mode is "
    "'mean', 'sum', 'sqrtn', 'max', or 'none': a plain lookup of one row an index, without offsets and lengths. out is "
    "[bags, dim] of float32, float16 or bfloat16 (uint16 in NumPy); without it the result is a new float32 array.\n\n"
    "Raises TypeError or ValueError for arrays that do not fit, IndexError for an index outside the table; out is then "
    "as it was. No argument may be changed by another thread during a call.";

constexpr const char* kRequestDoc =
    "Pools every feature of a request. indices are those of feature 0 for the whole batch, then those of feature 1, "
    "and so on; offsets has features * batch + 1 entries. out is [batch, total_dim]. Otherwise as pool(table, ...).";

nb::object pool_here(const HeldTable& table, nb::handle indices, nb::handle offsets, nb::handle lengths,
                     nb::handle weights, const char* mode, nb::handle out) {
    return pool_table(nullptr, table, {indices, offsets, lengths, weights, mode, out});
}

nb::object pool_on(const Engine& engine, const HeldTable& table, nb::handle indices, nb::handle offsets,
                   nb::handle lengths, nb::handle weights, const char* mode, nb::handle out) {
    return pool_table(&engine, table, {indices, offsets, lengths, weights, mode, out});
}

HeldTable table_of(const TableFile& file, const std::string& name) { return {value_of(file.table(name))}; }

std::vector<HeldTable> tables_of(const TableFile& file) {
    std::vector<HeldTable> tables;
    for (const Table& table : file.tables()) tables.push_back({table});
    return tables;
}

void bind_tables(nb::module_& m) {
    nb::class_<HeldTable>(m, "Table", kTableDoc)
        .def(
            "__init__",
            [](HeldTable* self, nb::handle rows, const std::optional<std::string>& format,
               std::optional<std::size_t> dim,
               std::string name) { new (self) HeldTable(view_table(rows, format, dim, std::move(name))); },
            "rows"_a, "format"_a = nb::none(), "dim"_a = nb::none(), "name"_a = "table")
        .def_prop_ro("name", [](const HeldTable& self) { return self.table.name(); })
        .def_prop_ro("format", [](const HeldTable& self) { return to_string(self.table.format()); })
        .def_prop_ro("rows", [](const HeldTable& self) { return self.table.rows(); })
        .def_prop_ro(
            "num_ids", [](const HeldTable& self) { return self.table.num_ids(); },
            "What indices are below: rows, or where the table's file says which row each id has, the number of ids.")
        .def_prop_ro("dim", [](const HeldTable& self) { return self.table.dim(); });
    nb::class_<TableFile>(m, "TableFile", "An opened table file. Its tables keep it mapped.")
        .def_prop_ro("tables", tables_of, "All tables, in the order of their bytes.")
        .def("table", table_of, "name"_a, "The table of that name; KeyError when there is none.");
    m.def(
        "open", [](const std::filesystem::path& path) { return value_of(TableFile::open(path.string())); }, "path"_a,
        "Maps a table file, or any safetensors file with two-dimensional F32, F16 or BF16 tensors. Raises OSError, or "
        "ValueError for what is no such file.");
}

void bind_engine(nb::module_& m) {
    nb::class_<HeldModel>(m, "Model", "What a request is answered from: (Table, mode) pairs, a column block each.")
        .def(
            "__init__",
            [](HeldModel* self, const std::vector<std::pair<HeldTable, std::string>>& features) {
                new (self) HeldModel(make_model(features));
            },
            "features"_a)
        .def_prop_ro("total_dim", [](const HeldModel& self) { return self.model.total_dim(); });
    nb::class_<Engine>(m, "Engine", "Threads that calls of pool() run on; 0 means one a core. Share one.")
        .def(
            "__init__", [](Engine* self, std::size_t threads) { new (self) Engine(EngineOptions{.threads = threads}); },
            "threads"_a = 0)
        .def_prop_ro("threads", &Engine::threads)
        .def("pool", pool_on, "table"_a, "indices"_a, "offsets"_a = nb::none(), nb::kw_only(), "lengths"_a = nb::none(),
             "weights"_a = nb::none(), "mode"_a = "mean", "out"_a = nb::none(), kPoolDoc)
        .def("pool", pool_request, "model"_a, "indices"_a, "offsets"_a, nb::kw_only(), "weights"_a = nb::none(),
             "out"_a = nb::none(), kRequestDoc);
}

}  // namespace
}  // namespace rowpool::python

NB_MODULE(_core, m) {
    using namespace rowpool::python;
    m.attr("__version__") = rowpool::version();
    bind_tables(m);
    bind_engine(m);
    m.def("pool", pool_here, "table"_a, "indices"_a, "offsets"_a = nb::none(), nb::kw_only(), "lengths"_a = nb::none(),
          "weights"_a = nb::none(), "mode"_a = "mean", "out"_a = nb::none(), kPoolDoc);
    m.def(
        "active_isa", [] { return value_of(rowpool::active_isa()); },
        "The instruction set that lookups use: 'avx512', 'avx2', 'neon' or 'generic'.");
}
