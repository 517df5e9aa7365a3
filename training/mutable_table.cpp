// Makes, initialises and grows tables.
#include "rowpool_train/mutable_table.hpp"

#include <atomic>
#include <cstring>

#include "rowpool/isa.hpp"
#include "rowpool/quantize.hpp"
#include "support/boundary.hpp"
#include "support/checked_math.hpp"
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
    Loops(workers).for_parts(options.num_embeddings - first, kLeastRows, [&](std::size_t begin, std::size_t end) {
        std::vector<float> row(options.embedding_dim);
        for (std::size_t r = first + begin; r < first + end; ++r) {
            fill_initial(options.initial, options.seed, options.num_embeddings, r, row);
            active_kernels()->store_row(rows, r, row.data());
        }
    });
}

/// Copies the rows of a table, which has as many.
void copy_rows(const Table& from, const TableOptions& options, Memory& values, const Workers& workers) {
    const kernels::Rows rows = {values.data(), options.embedding_dim, options.format};
    const std::size_t bytes = row_bytes(options.format, options.embedding_dim);
    Loops(workers).for_parts(from.rows(), kLeastRows, [&](std::size_t begin, std::size_t end) {
        std::vector<float> row(options.embedding_dim);
        for (std::size_t r = begin; r < end; ++r) {
            if (from.format() == options.format) {
                std::memcpy(values.data() + r * bytes, from.data() + r * from.row_stride(), bytes);
            } else if (dequantize_rows(from, r, row)) {  // fails for no row of the table
                active_kernels()->store_row(rows, r, row.data());
            }
        }
    });
}

/// Memory for as many rows as the options say.
Status allocate(const TableOptions& options, Memory& values, Memory& touched) {
    auto rows = Memory::zeros(options.num_embeddings * row_bytes(options.format, options.embedding_dim));
    if (!rows) return rows.error();
    auto bits = Memory::zeros(bytes_of_bits(options.num_embeddings));
    if (!bits) return bits.error();
    values = std::move(*rows);
    touched = std::move(*bits);
    return {};
}

}  // namespace

void MutableTable::State::touch(std::size_t row) noexcept {
    const std::atomic_ref<std::uint64_t> word(touched.as<std::uint64_t>()[row / 64]);
    const std::uint64_t bit = std::uint64_t{1} << row % 64;
    if ((word.load(std::memory_order_relaxed) & bit) == 0) word.fetch_or(bit, std::memory_order_relaxed);
}

Result<MutableTable> MutableTable::create(std::string name, const TableOptions& options, const Workers& workers) {
    return without_exceptions([&]() -> Result<MutableTable> {
        auto state = std::make_shared<State>();
        state->name = std::move(name);
        state->options = options;
        if (const Status checked = check_options(state->name, state->options); !checked) return checked.error();
        if (const auto isa = active_isa(); !isa) return isa.error();
        const Status allocated = allocate(state->options, state->values, state->touched);
        if (!allocated) return allocated.error();
        initialise(state->options, state->values, 0, workers);
        if (const auto padding = state->options.padding_idx) {
            std::memset(state->values.data() + static_cast<std::size_t>(*padding) * state->row_bytes(), 0,
                        state->row_bytes());
        }
        return MutableTable(std::move(state));
    });
}

Result<MutableTable> MutableTable::from_pretrained(const Table& rows, const PretrainedOptions& options,
                                                   const Workers& workers) {
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
        copy_rows(rows, state.options, state.values, workers);
        return made;
    });
}

std::string_view MutableTable::name() const noexcept { return state_->name; }
std::size_t MutableTable::rows() const noexcept { return state_->options.num_embeddings; }
std::size_t MutableTable::dim() const noexcept { return state_->options.embedding_dim; }
RowFormat MutableTable::format() const noexcept { return state_->options.format; }
std::optional<std::int64_t> MutableTable::padding_idx() const noexcept { return state_->options.padding_idx; }

Table MutableTable::view() const {
    const TableShape shape = {.format = format(), .rows = rows(), .dim = dim(), .padding_index = padding_idx()};
    return *Table::view(state_->name, shape, bytes());
}

std::span<std::byte> MutableTable::bytes() noexcept { return {state_->values.data(), rows() * state_->row_bytes()}; }
std::span<const std::byte> MutableTable::bytes() const noexcept {
    return {state_->values.data(), rows() * state_->row_bytes()};
}

Status MutableTable::grow(std::size_t num_embeddings, const Workers& workers) {
    return without_exceptions([&]() -> Status {
        const std::size_t before = rows();
        TableOptions options = state_->options;
        options.num_embeddings = num_embeddings;
        if (num_embeddings < before) {
            return invalid(state_->name, "cannot grow from " + std::to_string(before) + " to " +
                                             std::to_string(num_embeddings) + " rows");
        }
        if (Status checked = check_options(state_->name, options); !checked) return checked;
        Memory values, touched;
        if (Status allocated = allocate(options, values, touched); !allocated) return allocated;
        if (before > 0) {
            std::memcpy(values.data(), state_->values.data(), before * state_->row_bytes());
            std::memcpy(touched.data(), state_->touched.data(), bytes_of_bits(before));
        }
        initialise(options, values, before, workers);
        state_->options = options;
        state_->values = std::move(values);
        state_->touched = std::move(touched);
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
    return (state_->touched.as<std::uint64_t>()[row / 64] >> row % 64 & 1) != 0;
}

void MutableTable::touch(std::size_t row) noexcept { state_->touch(row); }

void MutableTable::clear_touched() noexcept {
    if (rows() > 0) std::memset(state_->touched.data(), 0, bytes_of_bits(rows()));
}

}  // namespace rowpool::train
