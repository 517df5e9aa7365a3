// Which coding each table gets, so that all keep to a budget of error or of bytes.
#include "tools/convert/budget.hpp"

#include <algorithm>
#include <optional>
#include <queue>
#include <tuple>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

bool is_smaller(const Candidate& a, const Candidate& b) {
    return std::tie(a.bytes, a.error) < std::tie(b.bytes, b.error);
}

std::size_t smallest(const BudgetTable& table) {
    const auto found = std::ranges::min_element(table.candidates, is_smaller);
    return static_cast<std::size_t>(found - table.candidates.begin());
}

/// The candidate next to `chosen` in bytes, with fewer or with more; of equal bytes the one of least error.
const Candidate* neighbour(const BudgetTable& table, const Candidate& chosen, bool with_fewer_bytes) {
    const Candidate* best = nullptr;
    for (const Candidate& other : table.candidates) {
        if (with_fewer_bytes ? other.bytes >= chosen.bytes : other.bytes <= chosen.bytes) continue;
        const bool nearer =
            best != nullptr && (with_fewer_bytes ? other.bytes > best->bytes : other.bytes < best->bytes);
        const bool better = best != nullptr && other.bytes == best->bytes && other.error < best->error;
        if (best == nullptr || nearer || better) best = &other;
    }
    return best;
}

std::string error_reason(const BudgetTable& table, const Candidate& chosen, double most_error) {
    const std::string text = coding_text(chosen.coding) + ": error " + percent_text(chosen.error);
    if (table.candidates.size() == 1) return text;
    const std::string within = text + " of at most " + percent_text(most_error);
    const Candidate* smaller = neighbour(table, chosen, true);
    if (smaller == nullptr) return within + ", and no format is smaller";
    return within + "; " + coding_text(smaller->coding) + " would be " + percent_text(smaller->error);
}

std::string bytes_reason(const BudgetTable& table, const Candidate& chosen, std::uint64_t most_bytes) {
    const std::string text = coding_text(chosen.coding) + ": error " + percent_text(chosen.error);
    if (table.candidates.size() == 1) return text;
    const std::string within = text + " in " + human_bytes(most_bytes) + " for all tables";
    const Candidate* larger = neighbour(table, chosen, false);
    if (larger == nullptr || chosen.error == 0) return within;
    return within + "; " + coding_text(larger->coding) + " would be " + percent_text(larger->error) + " for " +
           human_bytes(larger->bytes - chosen.bytes) + " more";
}

/// The smallest candidate that is good enough, if there is one.
std::optional<std::size_t> smallest_within(const BudgetTable& table, double most_error) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < table.candidates.size(); ++i) {
        const Candidate& candidate = table.candidates[i];
        if (candidate.error > most_error) continue;
        if (!best || is_smaller(candidate, table.candidates[*best])) best = i;
    }
    return best;
}

/// From one candidate of a table to another, which has more bytes and less error.
struct Step {
    double gain_per_byte;  ///< of squared error
    std::size_t table;
    std::size_t from;
    std::size_t to;
    std::uint64_t bytes;

    bool operator<(const Step& other) const {  // the queue takes the greatest; of equal gains the first table's
        return std::tie(gain_per_byte, other.table, other.to) < std::tie(other.gain_per_byte, table, to);
    }
};

void push_steps(std::span<const BudgetTable> tables, std::size_t t, std::size_t from,
                std::priority_queue<Step>& steps) {
    const Candidate& now = tables[t].candidates[from];
    for (std::size_t to = 0; to < tables[t].candidates.size(); ++to) {
        const Candidate& then = tables[t].candidates[to];
        if (then.bytes <= now.bytes || then.error >= now.error) continue;
        const std::uint64_t bytes = then.bytes - now.bytes;
        const double gain = now.error * now.error - then.error * then.error;
        steps.push({gain / static_cast<double>(bytes), t, from, to, bytes});
    }
}

/// Takes the best steps that fit. What does not fit once never will: what is left only shrinks.
void spend(std::span<const BudgetTable> tables, std::uint64_t left, std::vector<std::size_t>& chosen) {
    std::priority_queue<Step> steps;
    for (std::size_t t = 0; t < tables.size(); ++t) push_steps(tables, t, chosen[t], steps);
    while (!steps.empty()) {
        const Step step = steps.top();
        steps.pop();
        if (chosen[step.table] != step.from || step.bytes > left) continue;
        left -= step.bytes;
        chosen[step.table] = step.to;
        push_steps(tables, step.table, step.to, steps);
    }
}

}  // namespace

std::string coding_text(RowCoding coding) {
    std::string text(to_string(coding.format));
    if (is_coded(coding.format) && coding.method != QuantizationMethod::min_max) {
        text += " by " + std::string(to_string(coding.method));
    }
    return text;
}

std::string percent_text(double error) { return short_number(100 * error) + " %"; }

std::vector<ChosenCoding> choose_by_error(std::span<const BudgetTable> tables, double most_error) {
    std::vector<ChosenCoding> choices;
    for (const BudgetTable& table : tables) {
        const bool pinned = table.candidates.size() == 1;
        const std::optional<std::size_t> best = pinned ? 0 : smallest_within(table, most_error);
        if (!best)
            fail("table ", printable(table.name), ": no format has an error of at most ", percent_text(most_error));
        choices.push_back({*best, error_reason(table, table.candidates[*best], most_error)});
    }
    return choices;
}

std::vector<ChosenCoding> choose_by_bytes(std::span<const BudgetTable> tables, std::uint64_t most_bytes) {
    std::vector<std::size_t> chosen;
    std::uint64_t least = 0;
    for (const BudgetTable& table : tables) {
        chosen.push_back(smallest(table));
        least += table.candidates[chosen.back()].bytes;
    }
    if (least > most_bytes) {
        fail("the rows take at least ", least, " bytes (", human_bytes(least), "), more than the ", most_bytes,
             " allowed");
    }
    spend(tables, most_bytes - least, chosen);
    std::vector<ChosenCoding> choices;
    for (std::size_t t = 0; t < tables.size(); ++t) {
        choices.push_back({chosen[t], bytes_reason(tables[t], tables[t].candidates[chosen[t]], most_bytes)});
    }
    return choices;
}

}  // namespace rowpool::tools
