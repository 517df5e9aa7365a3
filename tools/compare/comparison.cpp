// Two tables beside each other, id by id: what `verify --against` and `diff` say.
#include "tools/compare/comparison.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "support/parallel.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kChunksPerBlock = 64;  // a block is what happens between two looks at the signals

std::size_t count_stored_differently(const Table& a, const Table& b) {
    const std::size_t bytes = row_bytes(a.format(), a.dim());
    std::size_t count = 0;
    for (std::size_t row = 0; row < a.rows(); ++row) {
        const int order = std::memcmp(a.data() + row * a.row_stride(), b.data() + row * b.row_stride(), bytes);
        if (order != 0) ++count;
    }
    return count;
}

/// Of how many ids from `first` on, at most `most`, the rows follow that of the first, which is `row`.
std::size_t run_length(const NewTable& table, std::size_t first, std::int64_t row, std::size_t most) {
    if (table.remap.empty()) return most;
    std::size_t run = 1;
    while (run < most && row_of(table, first + run) == row + static_cast<std::int64_t>(run)) ++run;
    return run;
}

Comparison compare_ids(const Source& source, const Source& decoded, std::size_t first, std::size_t count) {
    std::vector<std::byte> of_source;
    std::vector<std::byte> of_decoded;
    Comparison comparison;
    const bool one_format = source.description().shape.format == decoded.description().shape.format;
    if (one_format) comparison.stored_differently = 0;
    for (std::size_t id = first; id < first + count;) {
        const std::int64_t row_a = row_of(source.description(), id);
        const std::int64_t row_b = row_of(decoded.description(), id);
        if (row_a < 0 || row_b < 0) {
            if (row_a >= 0 || row_b >= 0) ++comparison.pruned;
            ++id;
            continue;
        }
        std::size_t run = run_length(source.description(), id, row_a, first + count - id);
        run = run_length(decoded.description(), id, row_b, run);
        const Table a = source.read(static_cast<std::size_t>(row_a), run, of_source);
        const Table b = decoded.read(static_cast<std::size_t>(row_b), run, of_decoded);
        comparison.errors.add(id, a, b);
        if (one_format) *comparison.stored_differently += count_stored_differently(a, b);
        id += run;
    }
    return comparison;
}

}  // namespace

Comparison compare_tables(const Source& source, const Source& decoded, Progress& progress) {
    const TableShape& shape = source.description().shape;
    const std::size_t chunk_rows = rows_in(kChunkBytes, shape.dim);
    const std::size_t block_rows = chunk_rows * kChunksPerBlock;
    const std::size_t ids = source.description().num_ids();
    Comparison total;
    if (shape.format == decoded.description().shape.format) total.stored_differently = 0;
    for (std::size_t block = 0; block < ids; block += block_rows) {
        stop_if_interrupted();
        const std::size_t rows = std::min(block_rows, ids - block);
        std::vector<Comparison> chunks((rows + chunk_rows - 1) / chunk_rows);
        support::parallel_for(chunks.size(), [&](std::size_t i) {
            const std::size_t begin = i * chunk_rows;
            chunks[i] = compare_ids(source, decoded, block + begin, std::min(chunk_rows, rows - begin));
        });
        for (const Comparison& chunk : chunks) {
            total.errors.merge(chunk.errors);
            total.pruned += chunk.pruned;
            if (chunk.stored_differently) *total.stored_differently += *chunk.stored_differently;
        }
        progress.advance(rows * shape.dim * sizeof(float));
    }
    return total;
}

std::uint64_t comparison_bytes(const Source& source) {
    const NewTable& table = source.description();
    return table.num_ids() * table.shape.dim * sizeof(float);
}

std::vector<std::optional<std::size_t>> match_by_name(const Sources& tables, const Sources& others) {
    std::map<std::string_view, std::size_t> positions;
    for (std::size_t i = 0; i < others.size(); ++i) positions.emplace(others[i]->description().name, i);
    std::vector<std::optional<std::size_t>> matches;
    for (const std::unique_ptr<Source>& table : tables) {
        const auto found = positions.find(table->description().name);
        matches.push_back(found == positions.end() ? std::nullopt : std::optional(found->second));
    }
    if (tables.size() == 1 && others.size() == 1) matches.front() = 0;
    return matches;
}

std::vector<Column> error_columns() {
    return {{"max error"}, {"relative L2"}, {"mean cosine"}, {"worst cosine"}, {"worst row"}, {"its error"}};
}

std::vector<std::string> error_texts(const RowErrors* errors) {
    if (errors == nullptr) return std::vector<std::string>(error_columns().size(), "-");
    const ErrorMetrics metrics = errors->metrics();
    const bool exact = errors->worst().empty();
    return {short_number(metrics.max_abs),
            short_number(metrics.relative_l2),
            cosine_text(errors->mean_cosine()),
            cosine_text(errors->worst_cosine()),
            exact ? "-" : std::to_string(errors->worst().front().row),
            exact ? "-" : short_number(errors->worst().front().relative)};
}

}  // namespace rowpool::tools
