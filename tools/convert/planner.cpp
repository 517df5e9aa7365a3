// Formats under a budget: measures what each table could be, and gives it the coding that the budget asks for.
#include "tools/convert/planner.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include "support/parallel.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/progress.hpp"
#include "tools/base/text.hpp"
#include "tools/convert/budget.hpp"
#include "tools/convert/pooled_error.hpp"
#include "tools/convert/sampled_bags.hpp"
#include "tools/inputs/numpy/trace.hpp"

namespace rowpool::tools {

namespace {

// Greedy is not among them: search is on no row worse, for the same bytes.
constexpr std::array kMethods = {QuantizationMethod::min_max, QuantizationMethod::search};
constexpr std::array kFormats = {RowFormat::f16, RowFormat::bf16, RowFormat::int8, RowFormat::int4, RowFormat::int2};

void add_coding(RowFormat format, std::vector<RowCoding>& codings) {
    if (!is_coded(format)) return codings.push_back(format);
    for (const QuantizationMethod method : kMethods) codings.emplace_back(format, method);
}

/// The source's own format, in which nothing is lost, and those with smaller rows.
std::vector<RowCoding> free_codings(const TableShape& shape) {
    std::vector<RowCoding> codings = {shape.format};
    for (const RowFormat format : kFormats) {
        if (row_bytes(format, shape.dim) < row_bytes(shape.format, shape.dim)) add_coding(format, codings);
    }
    return codings;
}

std::vector<RowCoding> pinned_codings(const TableShape& shape, RowFormat format) {
    std::vector<RowCoding> codings;
    if (format == shape.format) return {format};
    add_coding(format, codings);
    return codings;
}

/// A target with what is measured of it: an error for each coding, nothing where it cannot hold the rows.
struct Measured {
    std::optional<RowFormat> pinned;
    bool traced = false;
    std::size_t bags = 0;
    std::vector<RowCoding> codings;
    std::vector<std::optional<PooledError>> errors;
};

/// Keeps the codings that can be, and of a pinned format the one method with the least error.
void drop_useless(Measured& table) {
    for (std::size_t i = table.codings.size(); i-- > 0;) {
        if (table.errors[i]) continue;
        table.codings.erase(table.codings.begin() + static_cast<std::ptrdiff_t>(i));
        table.errors.erase(table.errors.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (!table.pinned || table.codings.empty()) return;
    const auto error = [](const std::optional<PooledError>& e) { return e->relative_l2; };
    const auto best = std::ranges::min_element(table.errors, {}, error) - table.errors.begin();
    table.codings = {table.codings[static_cast<std::size_t>(best)]};
    table.errors = {table.errors[static_cast<std::size_t>(best)]};
}

SampledBags sample(const std::optional<Trace>& trace, std::size_t position, const NewTable& table, bool& traced) {
    SampledBags bags;
    if (trace) bags = traced_bags(*trace, position, table);
    traced = bags.size() > 0;
    return traced ? std::move(bags) : generated_bags(table);
}

/// Measures one target's codings on all cores.
void measure(const Target& target, SampledBags bags, Measured& table, Progress& progress) {
    const PooledSample sample(*target.source, std::move(bags));
    table.bags = sample.bags();
    table.errors.resize(table.codings.size());
    std::mutex one_at_a_time;
    support::parallel_for(table.codings.size(), [&](std::size_t i) {
        table.errors[i] = sample.error(table.codings[i]);
        const std::lock_guard lock(one_at_a_time);
        progress.advance(1);
    });
    drop_useless(table);
    if (!table.codings.empty()) return;
    fail(target.source->file(), ": table ", printable(target.table.name), " has rows that ", to_string(*table.pinned),
         " cannot hold");
}

std::optional<Trace> read_trace(const std::string& path, const std::vector<Target>& targets) {
    if (path.empty()) return {};
    std::vector<TracedTable> tables;
    for (const Target& target : targets) tables.push_back({target.table.name, target.table.num_ids()});
    return open_trace(path, tables, OtherFeatures::left_out);
}

std::vector<Measured> measure_all(const BudgetOptions& options, const WantedCoding& wanted,
                                  const std::vector<Target>& targets) {
    const std::optional<Trace> trace = read_trace(options.trace, targets);
    std::vector<Measured> tables(targets.size());
    std::uint64_t steps = 0;
    for (std::size_t t = 0; t < targets.size(); ++t) {
        const TableShape& shape = targets[t].source->description().shape;
        tables[t].pinned = format_of(wanted, targets[t].table.name);
        tables[t].codings = tables[t].pinned ? pinned_codings(shape, *tables[t].pinned) : free_codings(shape);
        steps += tables[t].codings.size();
    }
    Progress progress("measuring", steps, Progress::Unit::steps);
    for (std::size_t t = 0; t < targets.size(); ++t) {
        stop_if_interrupted();
        SampledBags bags = sample(trace, t, targets[t].table, tables[t].traced);
        measure(targets[t], std::move(bags), tables[t], progress);
    }
    return tables;
}

BudgetTable candidates(const Target& target, const Measured& table) {
    const TableShape& shape = target.source->description().shape;
    BudgetTable result = {target.table.name, {}};
    for (std::size_t i = 0; i < table.codings.size(); ++i) {
        const RowCoding coding = table.codings[i];
        result.candidates.push_back(
            {coding, shape.rows * row_bytes(coding.format, shape.dim), table.errors[i]->relative_l2});
    }
    return result;
}

std::string measurement_text(const Measured& table, std::size_t chosen) {
    const PooledError& error = *table.errors[chosen];
    std::string text = table.pinned ? " (asked for)" : "";
    if (table.bags == 0) return text;
    return text + "; worst bag " + percent_text(error.worst_relative_l2) + ", cosine " + cosine_text(error.cosine) +
           ", worst " + cosine_text(error.worst_cosine) + ", of " + std::to_string(table.bags) +
           (table.traced ? " recorded" : " generated") + " bags";
}

}  // namespace

void plan_codings(const BudgetOptions& options, const WantedCoding& wanted, std::vector<Target>& targets) {
    if (!options.max_error && !options.max_bytes) {
        if (!options.trace.empty()) fail("--trace is for --max-error and --max-bytes, and neither is given");
        return;
    }
    const std::vector<Measured> measured = measure_all(options, wanted, targets);
    std::vector<BudgetTable> tables;
    for (std::size_t t = 0; t < targets.size(); ++t) tables.push_back(candidates(targets[t], measured[t]));
    const std::vector<ChosenCoding> choices =
        options.max_error ? choose_by_error(tables, *options.max_error) : choose_by_bytes(tables, *options.max_bytes);
    for (std::size_t t = 0; t < targets.size(); ++t) {
        const auto& [chosen, reason] = choices[t];
        set_coding(targets[t], measured[t].codings[chosen]);
        targets[t].reason = reason + measurement_text(measured[t], chosen);
    }
}

}  // namespace rowpool::tools
