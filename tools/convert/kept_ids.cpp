// Which ids keep their rows: by the norms of those, or as a file lists them.
#include "tools/convert/kept_ids.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "rowpool/quantize.hpp"
#include "support/norms.hpp"
#include "support/parallel.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/progress.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"
#include "tools/convert/max_norm.hpp"
#include "tools/inputs/numpy/npy.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kChunksPerLook = 16;

/// For each of `count` rows from `first` on, whether its L2 norm is above `least`. NaN is not below anything.
std::vector<char> are_above(const Source& source, std::size_t first, std::size_t count, double least) {
    std::vector<char> above(count);
    const std::size_t dim = source.description().shape.dim;
    const std::size_t step = rows_in(kChunkBytes, dim);
    support::parallel_for((count + step - 1) / step, [&](std::size_t chunk) {
        const std::size_t begin = chunk * step;
        const std::size_t rows = std::min(step, count - begin);
        std::vector<std::byte> stored;
        std::vector<float> values(rows * dim);
        check(dequantize_rows(source.read(first + begin, rows, stored), 0, values));
        for (std::size_t row = 0; row < rows; ++row) {
            above[begin + row] = support::norm_of(std::span(values).subspan(row * dim, dim), 2) <= least ? 0 : 1;
        }
    });
    return above;
}

/// Whether each row of a source has an L2 norm above `least`.
std::vector<bool> rows_above(const Source& source, double least) {
    const TableShape& shape = source.description().shape;
    const std::size_t block = rows_in(kChunkBytes, shape.dim) * kChunksPerLook;
    Progress progress("measuring norms", stored_bytes(shape));
    std::vector<bool> above;
    above.reserve(shape.rows);
    for (std::size_t first = 0; first < shape.rows; first += block) {
        stop_if_interrupted();
        const std::size_t count = std::min(block, shape.rows - first);
        const std::vector<char> of_block = are_above(source, first, count, least);
        above.insert(above.end(), of_block.begin(), of_block.end());
        progress.advance(count * row_bytes(shape.format, shape.dim));
    }
    return above;
}

/// A table without rows is what somebody may want who lists no ids to keep, but hardly by a norm.
void require_rows(const Source& source, const std::string& table, const std::vector<bool>& kept_ids) {
    const std::size_t rows = source.description().shape.rows;
    if (rows == 0 || std::ranges::find(kept_ids, true) != kept_ids.end()) return;
    fail(source.file(), ": table ", printable(table), ": --prune-below leaves none of its ", rows,
         " rows; --keep with an empty list does so on purpose");
}

}  // namespace

void drop_small_rows(const Source& source, const std::string& table, double least, std::vector<bool>& kept_ids) {
    const std::vector<bool> above = rows_above(source, least);
    for (std::size_t id = 0; id < kept_ids.size(); ++id) {
        const std::int64_t row = row_of(source.description(), id);
        kept_ids[id] = kept_ids[id] && row >= 0 && above[static_cast<std::size_t>(row)];
    }
    require_rows(source, table, kept_ids);
}

void keep_listed_ids(const std::string& path, const std::string& table, std::vector<bool>& kept_ids) {
    const NpyArray array = open_npy(path);
    if (array.shape.size() != 1) fail(path, ": ids must have one dimension, not shape ", shape_text(array.shape));
    const IndexSpan ids = index_values(array, "ids");
    std::vector<bool> listed(kept_ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto id = static_cast<std::uint64_t>(ids[i]);
        if (id >= listed.size()) {
            fail(path, ": table ", printable(table), ": id ", ids[i], " at position ", i, " is not in [0, ",
                 listed.size(), ")");
        }
        listed[id] = true;
    }
    for (std::size_t id = 0; id < kept_ids.size(); ++id) kept_ids[id] = kept_ids[id] && listed[id];
}

}  // namespace rowpool::tools
