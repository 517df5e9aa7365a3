// Which transforms each table gets, and their order.
#include "tools/convert/transforms.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/quantity.hpp"
#include "tools/base/text.hpp"
#include "tools/convert/access_counts.hpp"
#include "tools/convert/kept_ids.hpp"
#include "tools/convert/row_choice.hpp"
#include "tools/inputs/described_source.hpp"
#include "tools/inputs/numpy/trace.hpp"

namespace rowpool::tools {

namespace {

constexpr double kLargest = std::numeric_limits<double>::max();

/// The values of an option, each for all tables or for the one whose name and a '=' come before it.
class Values {
public:
    /// Fails when a text begins with the name of no table; a path may do so and be that of a file.
    Values(std::string option, const std::vector<std::string>& texts, const std::vector<Transforms::Input>& tables,
           bool are_paths = false)
        : option_(std::move(option)), tables_(tables), of_tables_(tables.size()) {
        for (const std::string& text : texts) {
            const std::optional<std::size_t> table = table_of(text, tables);
            std::error_code unknown;
            const bool is_file = are_paths && std::filesystem::exists(text, unknown);
            if (!table && !is_file && text.find('=') != std::string::npos) fail_unknown(text);
            std::optional<std::string>& value = table ? of_tables_[*table] : of_all_;
            value = table ? text.substr(tables[*table].name.size() + 1) : text;
        }
    }

    /// The text for a table; its own goes before that for all.
    const std::optional<std::string>& of(std::size_t table) const {
        return of_tables_[table] ? of_tables_[table] : of_all_;
    }
    /// The number for a table. Throws a WrongUsage when it is none.
    template <class T>
    std::optional<T> number_of(std::size_t table, T least, T most, const char* kind) const {
        const std::optional<std::string>& text = of(table);
        return text ? std::optional(parse_number(option_, *text, least, most, kind)) : std::nullopt;
    }

private:
    static std::optional<std::size_t> table_of(const std::string& text, const std::vector<Transforms::Input>& tables) {
        const auto is_before = [&](const Transforms::Input& table) { return text.starts_with(table.name + "="); };
        const auto found = std::ranges::find_if(tables, is_before);
        if (found == tables.end()) return {};
        return static_cast<std::size_t>(found - tables.begin());
    }

    [[noreturn]] void fail_unknown(const std::string& text) const {
        std::vector<std::string_view> known;
        for (const Transforms::Input& table : tables_) known.push_back(table.name);
        fail(option_, " ", printable(text), ": no table of that name is converted; there are ", listed(known));
    }

    std::string option_;
    const std::vector<Transforms::Input>& tables_;
    std::optional<std::string> of_all_;
    std::vector<std::optional<std::string>> of_tables_;
};

std::optional<Trace> read_trace(const std::string& path, const std::vector<Transforms::Input>& tables) {
    if (path.empty()) return {};
    std::vector<TracedTable> traced;
    for (const Transforms::Input& table : tables) traced.push_back({table.name, table.source->description().num_ids()});
    return open_trace(path, traced, OtherFeatures::left_out);
}

NewTable with_padding(NewTable table, std::int64_t padding) {
    table.shape.padding_index = padding;
    return table;
}

}  // namespace

Transforms::Transforms(const TransformOptions& options, const std::vector<Input>& tables, const std::string& output) {
    const Values padding("--padding-idx", options.padding, tables);
    const Values max_norm("--max-norm", options.max_norm, tables);
    const Values least_norm("--prune-below", options.prune_below, tables);
    const Values keep("--keep", options.keep, tables, true);
    const std::optional<Trace> trace = read_trace(options.order_by_trace, tables);
    for (std::size_t t = 0; t < tables.size(); ++t) {
        const Source* source = tables[t].source;
        const auto put = [&](std::unique_ptr<Source> transformed) {
            if (!transformed) return;
            made_.push_back(std::move(transformed));
            source = made_.back().get();
        };
        if (const auto most = max_norm.number_of(t, 0.0, kLargest, "norm")) {
            put(with_max_norm(*source, {*most, options.norm_type}));
        }
        RowChoice choice;
        const auto least = least_norm.number_of(t, 0.0, kLargest, "norm");
        const std::optional<std::string>& kept = keep.of(t);
        if (least || kept) choice.kept_ids.assign(source->description().num_ids(), true);
        if (least) drop_small_rows(*source, tables[t].name, *least, choice.kept_ids);
        if (kept) keep_listed_ids(*kept, tables[t].name, choice.kept_ids);
        if (trace) choice.hot = rows_by_accesses(*trace, t, source->description());
        if (!choice.kept_ids.empty() || choice.hot) put(choose_rows(*source, choice, output));
        constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
        if (const auto id = padding.number_of(t, -kEnd, kEnd, "id")) {
            put(std::make_unique<DescribedSource>(*source, with_padding(source->description(), *id)));
        }
        sources_.push_back(source);
    }
}

}  // namespace rowpool::tools
