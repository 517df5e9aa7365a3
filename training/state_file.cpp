// Saves tables with the state of their optimizer, and goes on from there. A state file is a table file: the table
// itself, then a table for each moment; what else the optimizer knows is JSON in the source of the first.
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
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

/// More steps than anyone makes; numbers up to here are exact as f64.
constexpr std::uint64_t kMostSteps = std::uint64_t{1} << 53;

/// What a file says beside its tables.
struct Progress {
    std::string optimizer;
    std::uint64_t steps = 0;
    std::uint64_t initial = 0;
    std::uint64_t seed = 0;
};

std::string text_of(const Progress& progress) {
    return nlohmann::json{{"rowpool_train", 1},
                          {"optimizer", progress.optimizer},
                          {"steps", progress.steps},
                          {"initial", progress.initial},
                          {"seed", progress.seed}}
        .dump();
}

Error cannot(const TableFile& file, const std::string& reason) {
    return {ErrorCode::invalid_argument, "cannot go on from " + file.path() + ": " + reason};
}

Result<Progress> parse_progress(const TableFile& file) {
    const Error wrong = cannot(file, "it is no state of an optimizer");
    if (!file.has_metadata() || file.tables().empty()) return wrong;
    const auto json = support::parse_strict_json(file.origin(0).source, 1);
    if (!json || !json->is_object()) return wrong;
    const auto number = [&](const char* name) -> std::optional<std::uint64_t> {
        const auto found = json->find(name);
        if (found == json->end() || !found->is_number_unsigned()) return std::nullopt;
        return found->get<std::uint64_t>();
    };
    const auto optimizer = json->find("optimizer");
    const auto version = number("rowpool_train"), steps = number("steps"), initial = number("initial"),
               seed = number("seed");
    if (version && *version > 1) return cannot(file, "a later rowpool wrote it");
    const bool is_state = version == 1 && optimizer != json->end() && optimizer->is_string() && steps &&
                          *steps < kMostSteps && initial && *initial <= static_cast<std::uint64_t>(Initial::zeros) &&
                          seed;
    if (!is_state) return wrong;
    return Progress{optimizer->get<std::string>(), *steps, *initial, *seed};
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
    if (error || size < from_end) return cannot(file, "it has changed");
    if ((size - from_end) % alignof(float) != 0) {
        return cannot(file, "table " + support::printable(table.name()) + " is not aligned");
    }
    return Memory::of_file(file.path(), size - from_end, bytes);
}

/// The table of that name, which must have this shape.
Result<Table> find_table(const TableFile& file, const std::string& name, const TableShape& shape) {
    const auto found = file.table(name);
    if (!found) return found.error();
    if (found->format() == shape.format && found->rows() == shape.rows && found->dim() == shape.dim &&
        found->padding_index() == shape.padding_index && found->remap().empty() &&
        found->row_stride() == row_bytes(shape.format, shape.dim)) {
        return found;
    }
    return cannot(file, "table " + support::printable(name) + " has another shape, format or padding index");
}

}  // namespace

Status Optimizer::save(const std::string& path) const {
    return support::without_exceptions([&]() -> Status {
        if (Status grown = state_->grow_moments(); !grown) return grown;
        const TableAccess::State& table = TableAccess::state(state_->table);
        const TableOptions& options = table.options;
        const Progress progress = {name_of(state_->rule), state_->steps, static_cast<std::uint64_t>(options.initial),
                                   options.seed};
        std::vector<NewTable> tables = {{.name = table.name,
                                         .shape = {.format = options.format,
                                                   .rows = options.num_embeddings,
                                                   .dim = options.embedding_dim,
                                                   .padding_index = options.padding_idx},
                                         .source = text_of(progress)}};
        std::vector<std::span<const std::byte>> contents = {std::as_const(state_->table).bytes()};
        const auto moments = State::moments_of(state_->rule);
        for (std::size_t m = 0; m < moments.size(); ++m) {
            if (moments[m].name.empty()) continue;
            tables.push_back({.name = table.name + '.' + std::string(moments[m].name),
                              .shape = {.rows = state_->rows, .dim = state_->moment_dim(moments[m])}});
            contents.emplace_back(state_->memories[m].data(), state_->moment_bytes(moments[m], state_->rows));
        }
        auto writer = TableFileWriter::create(path, std::move(tables));
        if (!writer) return writer.error();
        for (const auto bytes : contents) {
            if (Status written = writer->append(bytes); !written) return written;
        }
        return writer->finish();
    });
}

Status Optimizer::State::load(const TableFile& file) {
    const auto progress = parse_progress(file);
    if (!progress) return progress.error();
    if (progress->optimizer != name_of(rule)) {
        return cannot(file, "its optimizer is " + support::printable(progress->optimizer) + ", not " + name_of(rule));
    }
    TableAccess::State& own = TableAccess::state(table);
    const TableOptions& options = own.options;
    const TableShape shape = {.format = options.format,
                              .rows = options.num_embeddings,
                              .dim = options.embedding_dim,
                              .padding_index = options.padding_idx};
    const auto values = find_table(file, own.name, shape);
    if (!values) return values.error();
    auto memory = memory_of(file, *values);
    if (!memory) return memory.error();
    const auto moments = moments_of(rule);
    std::array<Memory, 2> loaded;
    for (std::size_t m = 0; m < moments.size(); ++m) {
        if (moments[m].name.empty()) continue;
        const auto found = find_table(file, own.name + '.' + std::string(moments[m].name),
                                      {.rows = options.num_embeddings, .dim = moment_dim(moments[m])});
        if (!found) return found.error();
        auto moment = memory_of(file, *found);
        if (!moment) return moment.error();
        loaded[m] = std::move(*moment);
    }
    if (Status intact = file.verify(); !intact) return intact;
    auto view = view_of(own.name, options, *memory);
    if (!view) return view.error();
    own.values = std::move(*memory);
    own.view = std::move(*view);
    memories = std::move(loaded);
    rows = options.num_embeddings;
    steps = progress->steps;
    for (std::size_t row = 0; row < rows; ++row) own.touch(row);
    return {};
}

Status Optimizer::load(const std::string& path) {
    return support::without_exceptions([&]() -> Status {
        const auto file = TableFile::open(path);
        return file ? state_->load(*file) : file.error();
    });
}

Result<Optimizer> Optimizer::open(const std::string& path, const OptimizerRule& rule, const Rounding& rounding) {
    return support::without_exceptions([&]() -> Result<Optimizer> {
        const auto file = TableFile::open(path);
        if (!file) return file.error();
        const auto progress = parse_progress(*file);
        if (!progress) return progress.error();
        const Table& saved = file->tables()[0];
        auto table = MutableTable::create(std::string(saved.name()), {.num_embeddings = saved.rows(),
                                                                      .embedding_dim = saved.dim(),
                                                                      .format = saved.format(),
                                                                      .padding_idx = saved.padding_index(),
                                                                      .initial = Initial::zeros});
        if (!table) return table.error();
        TableOptions& options = TableAccess::state(*table).options;
        options.initial = Initial{static_cast<std::uint8_t>(progress->initial)};
        options.seed = progress->seed;
        auto optimizer = create(*table, rule, rounding);
        if (!optimizer) return optimizer;
        const Status loaded = optimizer->state_->load(*file);
        return loaded ? std::move(optimizer) : loaded.error();
    });
}

}  // namespace rowpool::train
