// Writes down where each chosen row comes from and where each id goes, both front to back.
#include "tools/convert/row_choice.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/convert/number_file.hpp"
#include "tools/inputs/described_source.hpp"

namespace rowpool::tools {

namespace {

constexpr std::int32_t kPruned = -1;

/// Where the rows of a table come from and where its ids go.
struct Remapping {
    explicit Remapping(const std::string& beside) : order_file(beside), remap_file(beside) {}

    NumberFile order_file;
    NumberFile remap_file;
    std::span<const std::int32_t> order;  ///< of each row: the row of the source
    std::span<const std::int32_t> remap;  ///< of each id: the row, or kPruned
};

class ChosenRows : public Source {
public:
    ChosenRows(const Source& source, NewTable description, std::unique_ptr<Remapping> remapping)
        : Source(source.file(), std::move(description)), source_(source), remapping_(std::move(remapping)) {}

    /// Metrics of all rows are those of the rows in any order, but not of some of them.
    std::optional<ErrorMetrics> error() const override {
        const bool has_all = remapping_->order.size() == source_.description().shape.rows;
        return has_all ? source_.error() : std::nullopt;
    }

    std::size_t row_number(std::size_t row) const override { return source_.row_number(row_of(row)); }
    std::string file_of_row(std::size_t row) const override { return source_.file_of_row(row_of(row)); }

    /// Rows that follow each other in the source, too, are read in one go.
    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        const TableShape& shape = description().shape;
        const std::size_t row_size = row_bytes(shape.format, shape.dim);
        buffer.resize(count * row_size);
        std::vector<std::byte> stored;
        for (std::size_t row = 0; row < count;) {
            std::size_t run = 1;
            while (row + run < count && row_of(first + row + run) == row_of(first + row) + run) ++run;
            const Table rows = source_.read(row_of(first + row), run, stored);
            for (std::size_t i = 0; i < run; ++i, ++row) {
                std::memcpy(buffer.data() + row * row_size, rows.data() + i * rows.row_stride(), row_size);
            }
        }
        return value_of(Table::view(description().name, {shape.format, count, shape.dim, 0, {}}, buffer));
    }

private:
    std::size_t row_of(std::size_t row) const { return static_cast<std::size_t>(remapping_->order[row]); }

    const Source& source_;
    std::unique_ptr<Remapping> remapping_;
};

/// The rows of a source that ids which are kept have.
std::vector<bool> wanted_rows(const Source& source, const std::vector<bool>& kept_ids) {
    const NewTable& table = source.description();
    if (kept_ids.empty() && table.remap.empty()) return std::vector<bool>(table.shape.rows, true);
    if (table.remap.empty()) return kept_ids;
    std::vector<bool> wanted(table.shape.rows);
    for (std::size_t id = 0; id < table.remap.size(); ++id) {
        const std::int64_t row = row_of(table, id);
        if (row >= 0 && (kept_ids.empty() || kept_ids[id])) wanted[static_cast<std::size_t>(row)] = true;
    }
    return wanted;
}

/// Rows in the order in which they are to be written, and which of them are hot.
struct Order {
    std::vector<std::int32_t> hot;
    std::vector<std::pair<std::int32_t, std::int32_t>> by_row;  ///< a hot row and its place, in the order of rows
};

Order order_of(const std::vector<bool>& wanted, const std::vector<std::int32_t>& hot) {
    Order order;
    for (const std::int32_t row : hot) {
        if (!wanted[static_cast<std::size_t>(row)]) continue;
        order.by_row.emplace_back(row, static_cast<std::int32_t>(order.hot.size()));
        order.hot.push_back(row);
    }
    std::sort(order.by_row.begin(), order.by_row.end());
    return order;
}

/// Calls put(row, where it goes or kPruned) for every row of the source, in their order.
template <class Put>
void for_each_row(const std::vector<bool>& wanted, const Order& order, const Put& put) {
    auto next_hot = order.by_row.begin();
    auto next_cold = static_cast<std::int32_t>(order.hot.size());
    for (std::size_t r = 0; r < wanted.size(); ++r) {
        const auto row = static_cast<std::int32_t>(r);
        if (next_hot != order.by_row.end() && next_hot->first == row) {
            put(row, next_hot++->second);
        } else {
            put(row, wanted[r] ? next_cold++ : kPruned);
        }
    }
}

/// The places of rows as the remap of ids that are rows, or those of a remap that is there, led on to them.
void write_remap(const NewTable& table, const std::vector<bool>& kept_ids, std::span<const std::int32_t> places,
                 NumberFile& out) {
    for (std::size_t id = 0; id < table.remap.size(); ++id) {
        const std::int64_t row = row_of(table, id);
        const bool is_kept = row >= 0 && (kept_ids.empty() || kept_ids[id]);
        out.append(is_kept ? places[static_cast<std::size_t>(row)] : kPruned);
    }
}

/// How many of the first rows are hot: those of the choice, or else those that were and are kept.
std::optional<std::size_t> count_hot(const NewTable& table, const std::vector<bool>& wanted, const RowChoice& choice,
                                     const Order& order) {
    if (choice.hot) return order.hot.size();
    if (!table.hot_rows) return {};
    const auto end = wanted.begin() + static_cast<std::ptrdiff_t>(*table.hot_rows);
    return static_cast<std::size_t>(std::count(wanted.begin(), end, true));
}

std::unique_ptr<Remapping> remap_rows(const NewTable& table, const std::vector<bool>& wanted, const Order& order,
                                      const RowChoice& choice, const std::string& beside) {
    auto remapping = std::make_unique<Remapping>(beside);
    NumberFile places_file(beside);
    NumberFile& places = table.remap.empty() ? remapping->remap_file : places_file;
    for (const std::int32_t row : order.hot) remapping->order_file.append(row);
    for_each_row(wanted, order, [&](std::int32_t row, std::int32_t place) {
        places.append(place);
        if (place >= static_cast<std::int32_t>(order.hot.size())) remapping->order_file.append(row);
    });
    if (!table.remap.empty()) write_remap(table, choice.kept_ids, places_file.map(), remapping->remap_file);
    remapping->order = remapping->order_file.map();
    remapping->remap = remapping->remap_file.map();
    return remapping;
}

bool is_identity(std::span<const std::int32_t> numbers, std::size_t count) {
    if (numbers.size() != count) return false;
    for (std::size_t i = 0; i < count; ++i) {
        if (numbers[i] != static_cast<std::int32_t>(i)) return false;
    }
    return true;
}

}  // namespace

std::unique_ptr<Source> choose_rows(const Source& source, const RowChoice& choice, const std::string& beside) {
    const NewTable& table = source.description();
    if (table.shape.rows > std::numeric_limits<std::int32_t>::max()) {
        fail(source.file(), ": table ", printable(table.name), ": ", table.shape.rows,
             " rows are more than a remap can name");
    }
    const std::vector<bool> wanted = wanted_rows(source, choice.kept_ids);
    const Order order = choice.hot ? order_of(wanted, *choice.hot) : Order{};
    std::unique_ptr<Remapping> remapping = remap_rows(table, wanted, order, choice, beside);
    NewTable description = table;
    description.hot_rows = count_hot(table, wanted, choice, order);
    const bool is_same = is_identity(remapping->order, table.shape.rows) &&
                         (table.remap.empty() || std::ranges::equal(remapping->remap, table.remap));
    if (is_same && description.hot_rows == table.hot_rows) return nullptr;
    if (is_same) return std::make_unique<DescribedSource>(source, std::move(description));
    description.shape.rows = remapping->order.size();
    description.remap = remapping->remap;
    return std::make_unique<ChosenRows>(source, std::move(description), std::move(remapping));
}

}  // namespace rowpool::tools
