// Saves tables with the state of their optimizer, and goes on from there. A state file is a table file: the table
// itself, then a table for each moment; what else the optimizer knows is JSON in the source of the first.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rowpool/table_file.hpp"
#include "rowpool/table_file_writer.hpp"
#include "rowpool_train/optimizer.hpp"
#include "support/boundary.hpp"
#include "support/strict_json.hpp"
#include "support/text.hpp"
#include "training/optimizer_state.hpp"

namespace rowpool::train {
namespace {

const char* name_of(const OptimizerRule& rule) noexcept {
    constexpr const char* kNames[] = {"sgd", "adagrad", "row_wise_adagrad", "sparse_adam"};
    return kNames[rule.index()];
}

/// What a file says of an optimizer.
struct Progress {
    std::string optimizer;
    std::uint64_t steps = 0;
};

std::string text_of(const Progress& progress) {
    return nlohmann::json{{"rowpool_train", 1}, {"optimizer", progress.optimizer}, {"steps", progress.steps}}.dump();
}

Result<Progress> parse_progress(const TableFile& file) {
    const Error wrong{ErrorCode::invalid_argument,
                      "cannot go on from " + file.path() + ": it is no state of an optimizer"};
    if (!file.has_metadata() || file.tables().empty()) return wrong;
    const auto json = support::parse_strict_json(file.origin(0).source, 1);
    if (!json || !json->is_object() || !json->contains("rowpool_train")) return wrong;
    const auto optimizer = json->find("optimizer"), steps = json->find("steps");
    if (optimizer == json->end() || !optimizer->is_string() || steps == json->end() || !steps->is_number_unsigned()) {
        return wrong;
    }
    return Progress{optimizer->get<std::string>(), steps->get<std::uint64_t>()};
}

/// The rows of a table of a file, as memory that can be changed.
Result<Memory> memory_of(const TableFile& file, const Table& table) {
    const std::size_t bytes = table.rows() * table.row_stride();
    if (bytes == 0) return Memory();
    const auto tensors = file.tensors();
    if (!tensors) return tensors.error();
    const std::span<const std::byte> last = tensors->back().bytes;  // ends where the file does
    const auto from_end = static_cast<std::uint64_t>(last.data() + last.size() - table.data());
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(file.path(), error);
    if (error || size < from_end || (size - from_end) % alignof(float) != 0) {
        return Error{ErrorCode::corrupt_file, "cannot go on from " + file.path() + ": table " +
                                                  support::printable(table.name()) + " is not aligned"};
    }
    return Memory::of_file(file.path(), size - from_end, bytes);
}

}  // namespace

Status Optimizer::save(const std::string& path) const {
    return support::without_exceptions([&]() -> Status {
        const Status grown = state_->grow_moments();
        if (!grown) return grown;
        const MutableTable& table = state_->table;
        std::vector<NewTable> tables = {{.name = std::string(table.name()),
                                         .shape = {.format = table.format(),
                                                   .rows = table.rows(),
                                                   .dim = table.dim(),
                                                   .padding_index = table.padding_idx()},
                                         .source = text_of({name_of(state_->rule), state_->steps})}};
        std::vector<std::span<const std::byte>> contents = {table.bytes()};
        Moment moments[2];
        State::moments_of(state_->rule, moments);
        for (std::size_t m = 0; m < 2; ++m) {
            if (moments[m].name.empty()) continue;
            const std::size_t dim = moments[m].is_per_row ? 1 : table.dim();
            tables.push_back({.name = std::string(table.name()) + '.' + std::string(moments[m].name),
                              .shape = {.format = RowFormat::f32, .rows = table.rows(), .dim = dim}});
            contents.push_back((m == 0 ? state_->first : state_->second).bytes());
        }
        auto writer = TableFileWriter::create(path, std::move(tables));
        if (!writer) return writer.error();
        for (const auto bytes : contents) {
            if (Status written = writer->append(bytes); !written) return written;
        }
        return writer->finish();
    });
}

Status Optimizer::load(const std::string& path) {
    return support::without_exceptions([&]() -> Status {
        const auto file = TableFile::open(path);
        if (!file) return file.error();
        const auto other = [&](const std::string& what) {
            return Error{ErrorCode::invalid_argument, "cannot go on from " + path + ": " + what};
        };
        const auto progress = parse_progress(*file);
        if (!progress) return progress.error();
        if (progress->optimizer != name_of(state_->rule)) {
            return other("its optimizer is " + support::printable(progress->optimizer) + ", not " +
                         name_of(state_->rule));
        }
        TableAccess::State& table = TableAccess::state(state_->table);
        Moment moments[2];
        State::moments_of(state_->rule, moments);
        Memory memories[3];
        for (std::size_t m = 0; m < 3; ++m) {
            if (m > 0 && moments[m - 1].name.empty()) continue;
            const std::string name = m == 0 ? table.name : table.name + '.' + std::string(moments[m - 1].name);
            const auto found = file->table(name);
            if (!found) return found.error();
            const TableShape wanted = {.format = m == 0 ? table.options.format : RowFormat::f32,
                                       .rows = table.options.num_embeddings,
                                       .dim = m > 0 && moments[m - 1].is_per_row ? 1 : table.options.embedding_dim};
            if (found->format() != wanted.format || found->rows() != wanted.rows || found->dim() != wanted.dim ||
                found->row_stride() != row_bytes(wanted.format, wanted.dim)) {
                return other("table " + support::printable(name) + " has another shape or format");
            }
            auto memory = memory_of(*file, *found);
            if (!memory) return memory.error();
            memories[m] = std::move(*memory);
        }
        if (Status intact = file->verify(); !intact) return intact;
        table.values = std::move(memories[0]);
        state_->first = std::move(memories[1]);
        state_->second = std::move(memories[2]);
        state_->rows = table.options.num_embeddings;
        state_->steps = progress->steps;
        for (std::size_t row = 0; row < state_->rows; ++row) table.touch(row);
        return {};
    });
}

}  // namespace rowpool::train
