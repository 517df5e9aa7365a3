// Makes, initialises and grows tables.
#include "rowpool_train/mutable_table.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "rowpool/isa.hpp"
#include "rowpool/quantize.hpp"
#include "rowpool/table_file_writer.hpp"
#include "support/boundary.hpp"
#include "support/text.hpp"
#include "training/active_kernels.hpp"
#include "training/initial.hpp"
#include "training/table_state.hpp"

namespace rowpool::train {
namespace {

using support::without_exceptions;

/// Rows that are worth a part of a loop.
constexpr std::size_t kLeastRows = 256;

Error invalid(const std::string& name, const std::string& message) {
    return {ErrorCode::invalid_argument, "table " + support::printable(name) + ": " + message};
}

/// Resolves the padding index.
Status check_options(const std::string& name, TableOptions& options) {
    const std::size_t rows = options.num_embeddings, dim = options.embedding_dim;
    if (Status usable = check_table_name(name); !usable) return usable;
    if (rows > kMostRows) return invalid(name, std::to_string(rows) + " rows are more than 2^32 - 1");
    if (dim < 1 || dim > kMaxDim) {
        return invalid(name, "embedding_dim " + std::to_string(dim) + " is not 1 to " + std::to_string(kMaxDim));
    }
    if (is_coded(options.format)) {
        return invalid(name, "rows of " + std::string(to_string(options.format)) + " cannot learn: f32, f16 or bf16");
    }
    if (!options.padding_idx) return {};
    const auto count = static_cast<std::int64_t>(rows);
    std::int64_t& padding = *options.padding_idx;
    if (padding < -count || padding >= count) {
        return invalid(name,
                       "padding_idx " + std::to_string(padding) + " is not within " + std::to_string(rows) + " rows");
    }
    if (padding < 0) padding += count;
    return {};
}

/// Initialises the rows from `first` on, which are zeros.
void initialise(const TableOptions& options, Memory& values, std::size_t first, const Workers& workers) {
    if (options.initial == Initial::zeros) return;
    const kernels::Rows rows = {values.data(), options.embedding_dim, options.format};
    const auto fill = [&](std::size_t begin, std::size_t end, float* row) {
        for (std::size_t r = first + begin; r < first + end; ++r) {
            fill_initial(options.initial, options.seed, options.num_embeddings, r, {row, options.embedding_dim});
            active_kernels()->store_row(rows, r, row);
        }
    };
    Loops(workers).for_parts_with(options.embedding_dim, options.num_embeddings - first, kLeastRows, fill);
}

/// Copies the rows of a table into another format, by way of f32.
Status convert_rows(const Table& from, RowFormat format, std::byte* out) {
    const std::size_t bytes = row_bytes(format, from.dim());
    std::vector<float> decoded;
    for (std::size_t first = 0; first < from.rows(); first += kLeastRows) {
        const std::size_t count = std::min(kLeastRows, from.rows() - first);
        decoded.resize(count * from.dim());
        if (Status done = dequantize_rows(from, first, decoded); !done) return done;
        const auto rows = Table::view(std::string(from.name()), {.rows = count, .dim = from.dim()},
                                      std::as_bytes(std::span(decoded)));
        if (!rows) return rows.error();
        if (Status done = quantize_rows(*rows, format, {out + first * bytes, count * bytes}, first); !done) return done;
    }
    return {};
}

Status copy_rows(const Table& from, RowFormat format, std::byte* out) {
    if (from.format() != format) return convert_rows(from, format, out);
    const std::size_t bytes = row_bytes(format, from.dim());
    for (std::size_t r = 0; r < from.rows(); ++r)
        std::memcpy(out + r * bytes, from.data() + r * from.row_stride(), bytes);
    return {};
}

}  // namespace

void MutableTable::State::touch(std::size_t row) noexcept {
    const std::atomic_ref<std::uint64_t> word(touched.as<std::uint64_t>()[row / 64]);
    const std::uint64_t bit = std::uint64_t{1} << row % 64;
    if ((word.load(std::memory_order_relaxed) & bit) == 0) word.fetch_or(bit, std::memory_order_relaxed);
}

Result<Table> view_of(const std::string& name, const TableOptions& options, const Memory& values) {
    const TableShape shape = {.format = options.format,
                              .rows = options.num_embeddings,
                              .dim = options.embedding_dim,
                              .padding_index = options.padding_idx};
    return Table::view(name, shape, {values.data(), values.size()});
}

Result<MutableTable> MutableTable::create(std::string name, const TableOptions& options, const Workers& workers) {
    return without_exceptions([&]() -> Result<MutableTable> {
        TableOptions resolved = options;
        if (const Status checked = check_options(name, resolved); !checked) return checked.error();
        if (const auto isa = active_isa(); !isa) return isa.error();
        auto values = Memory::zeros(options.num_embeddings * row_bytes(options.format, options.embedding_dim));
        if (!values) return values.error();
        auto touched = Memory::zeros(bytes_of_bits(options.num_embeddings));
        if (!touched) return touched.error();
        auto view = view_of(name, resolved, *values);
        if (!view) return view.error();
        initialise(resolved, *values, 0, workers);
        auto state = std::make_shared<State>(
            State{std::move(name), resolved, std::move(*values), std::move(*touched), std::move(*view)});
        if (const auto padding = state->options.padding_idx) {
            std::memset(state->values.data() + static_cast<std::size_t>(*padding) * state->row_bytes(), 0,
                        state->row_bytes());
        }
        return MutableTable(std::move(state));
    });
}

Result<MutableTable> MutableTable::from_pretrained(const Table& rows, const PretrainedOptions& options) {
    return without_exceptions([&]() -> Result<MutableTable> {
        const std::string name(rows.name());
        if (!rows.remap().empty()) return invalid(name, "ids are not rows: a table with a remap cannot learn");
        const RowFormat own = is_coded(rows.format()) ? RowFormat::f32 : rows.format();
        auto made = create(name, {.num_embeddings = rows.rows(),
                                  .embedding_dim = rows.dim(),
                                  .format = options.format.value_or(own),
                                  .padding_idx = options.padding_idx ? options.padding_idx : rows.padding_index(),
                                  .initial = Initial::zeros});
        if (!made) return made;
        State& state = *made->state_;
        state.options.initial = options.initial;
        state.options.seed = options.seed;
        const Status copied = copy_rows(rows, state.options.format, state.values.data());
        return copied ? std::move(made) : copied.error();
    });
}

std::string_view MutableTable::name() const noexcept { return state_->name; }
std::size_t MutableTable::rows() const noexcept { return state_->options.num_embeddings; }
std::size_t MutableTable::dim() const noexcept { return state_->options.embedding_dim; }
RowFormat MutableTable::format() const noexcept { return state_->options.format; }
std::optional<std::int64_t> MutableTable::padding_idx() const noexcept { return state_->options.padding_idx; }

Table MutableTable::view() const noexcept { return state_->view; }

std::span<std::byte> MutableTable::bytes() noexcept { return {state_->values.data(), rows() * state_->row_bytes()}; }
std::span<const std::byte> MutableTable::bytes() const noexcept {
    return {state_->values.data(), rows() * state_->row_bytes()};
}

Status MutableTable::grow(std::size_t num_embeddings, const Workers& workers) {
    return without_exceptions([&]() -> Status {
        State& state = *state_;
        const std::size_t before = rows();
        TableOptions options = state.options;
        options.num_embeddings = num_embeddings;
        if (num_embeddings < before) {
            return invalid(state.name, "cannot grow from " + std::to_string(before) + " to " +
                                           std::to_string(num_embeddings) + " rows");
        }
        if (Status checked = check_options(state.name, options); !checked) return checked;
        auto values = state.values.with_room(before * state.row_bytes(), num_embeddings * state.row_bytes());
        if (!values) return values.error();
        auto touched = state.touched.with_room(bytes_of_bits(before), bytes_of_bits(num_embeddings));
        if (!touched) return touched.error();
        Memory& room = values->size() > 0 ? *values : state.values;
        auto view = view_of(state.name, options, room);
        if (!view) return view.error();
        initialise(options, room, before, workers);
        // Nothing fails from here on.
        if (values->size() > 0) state.values = std::move(*values);
        if (touched->size() > 0) state.touched = std::move(*touched);
        state.options = options;
        state.view = std::move(*view);
        for (std::size_t row = before; row < num_embeddings; ++row) touch(row);
        return {};
    });
}

std::vector<std::size_t> MutableTable::touched() const {
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < this->rows(); ++row) {
        if (is_touched(row)) rows.push_back(row);
    }
    return rows;
}

bool MutableTable::is_touched(std::size_t row) const noexcept {
    return row < rows() && (state_->touched.as<std::uint64_t>()[row / 64] >> row % 64 & 1) != 0;
}

void MutableTable::touch(std::size_t row) noexcept {
    if (row < rows()) state_->touch(row);
}

void MutableTable::clear_touched() noexcept {
    if (rows() > 0) std::memset(state_->touched.data(), 0, bytes_of_bits(rows()));
}

}  // namespace rowpool::train
