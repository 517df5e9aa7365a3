// Measures prefetch settings.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "pooling/model.hpp"
#include "rowpool/tuning.hpp"
#include "support/boundary.hpp"
#include "support/other_memory.hpp"
#include "support/random.hpp"
#include "tuning/tune.hpp"

namespace rowpool {
namespace {

using Clock = std::chrono::steady_clock;
using Into = Prefetch::Into;

constexpr std::array<Prefetch, 10> kCandidates = {{{0, Into::first_level},
                                                   {8, Into::first_level},
                                                   {16, Into::first_level},
                                                   {32, Into::first_level},
                                                   {64, Into::first_level},
                                                   {96, Into::first_level},
                                                   {32, Into::second_level},
                                                   {64, Into::second_level},
                                                   {96, Into::second_level},
                                                   {128, Into::second_level}}};
constexpr std::size_t kBagLength = 20;
constexpr std::size_t kBags = 32;
constexpr std::size_t kLookups = kBags * kBagLength;  // per visit to a table; more than the largest distance
constexpr std::size_t kMinRounds = 5;
constexpr std::size_t kMaxRounds = 41;
constexpr std::size_t kPasses = kCandidates.size() + 1;  // per round: one for each candidate and one for the default
constexpr std::chrono::milliseconds kBudget(40);
constexpr std::chrono::milliseconds kBudgetBetween(500);  // with `between`, which takes most of it
/// A candidate must be this much faster than the default to replace it: smaller gains are within noise.
constexpr double kWorthwhile = 0.97;

/// One table under measurement.
struct Subject {
    const pooling::FeaturePlan* plan;
    const Table* table;
    std::array<std::vector<double>, kPasses> seconds;  // of each candidate's visits; the default is last

    Prefetch candidate(std::size_t c) const noexcept {
        return c < kCandidates.size() ? kCandidates[c] : plan->rows.prefetch;
    }
};

/// Every table of the model that has rows, once.
std::vector<Subject> subjects_of(const pooling::ModelContents& model) {
    std::vector<Subject> subjects;
    std::set<std::tuple<const std::byte*, std::string_view, RowFormat, std::size_t, std::size_t>> seen;
    for (std::size_t f = 0; f < model.features.size(); ++f) {
        const Table& table = model.features[f].table;
        if (table.num_ids() == 0 ||
            !seen.emplace(table.data(), table.name(), table.format(), table.rows(), table.dim()).second)
            continue;
        subjects.push_back({&model.plans[f], &table, {}});
    }
    return subjects;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Visits the tables one after the other, each time with new ids.
class Measurement {
public:
    explicit Measurement(std::size_t widest) : ids_(kLookups), out_(kBags * widest) {}

    /// One visit to every table with one candidate: all other tables are visited between two visits to one, as in
    /// requests.
    PoolStatus pass(std::vector<Subject>& subjects, std::size_t candidate) {
        for (Subject& subject : subjects) {
            if (PoolStatus status = visit(subject, candidate); !status) return status;
        }
        return {};
    }

private:
    PoolStatus visit(Subject& subject, std::size_t c) {
        const Table& table = *subject.table;
        for (std::int64_t& id : ids_) id = static_cast<std::int64_t>(random_.below(table.num_ids()));
        const std::span<float> out = std::span(out_).first(kBags * table.dim());
        const PoolOptions options = {
            .mode = Pooling::sum, .padding_index = PaddingIndex::none(), .prefetch = subject.candidate(c)};
        const Clock::time_point start = Clock::now();
        const PoolStatus status = pool(table, Bags::fixed(ids_, kBags, kBagLength), options, out);
        subject.seconds[c].push_back(std::chrono::duration<double>(Clock::now() - start).count());
        return status;
    }

    std::vector<std::int64_t> ids_;
    std::vector<float> out_;
    support::Random random_{1};
};

/// The fastest candidate if it is clearly faster than the default, else the default.
TableTuning result_of(const Subject& subject) {
    constexpr std::size_t kDefault = kCandidates.size();
    constexpr double kNanoseconds = 1e9 / static_cast<double>(kLookups);
    const double untuned = median(subject.seconds[kDefault]);
    std::size_t best = kDefault;
    double seconds = untuned * kWorthwhile;
    for (std::size_t c = 0; c < kDefault; ++c) {
        const double of_candidate = median(subject.seconds[c]);
        if (of_candidate < seconds) {
            best = c;
            seconds = of_candidate;
        }
    }
    const Table& table = *subject.table;
    return {.table = std::string(table.name()),
            .format = table.format(),
            .rows = table.rows(),
            .dim = table.dim(),
            .prefetch = subject.candidate(best),
            .ns_row = kNanoseconds * (best == kDefault ? untuned : seconds),
            .ns_row_untuned = kNanoseconds * untuned};
}

/// Decides when to stop: rounds are complete, there is a minimum number of them, and none begins after the time budget.
class Schedule {
public:
    explicit Schedule(Clock::duration budget) : budget_(budget) {}

    bool begins(std::size_t round) const {
        return round < kMaxRounds && (round < kMinRounds || Clock::now() - start_ < budget_);
    }

    /// The fraction that is done after that many passes.
    double done(std::size_t passes) const {
        const auto of = [passes](std::size_t rounds) {
            return static_cast<double>(passes) / static_cast<double>(rounds * kPasses);
        };
        const double of_time = std::chrono::duration<double>(Clock::now() - start_) / budget_;
        return std::min(1.0, std::max(of(kMaxRounds), std::min(of(kMinRounds), of_time)));
    }

private:
    Clock::duration budget_;
    Clock::time_point start_ = Clock::now();
};

/// "model name : AMD EPYC ..." of the first processor; aarch64 has no such line.
std::string cpu_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with("model name") && colon != line.npos) return line.substr(colon + 2);
    }
    return "unknown";
}

bool is_for(const TableTuning& tuning, const Table& table) {
    return tuning.table == table.name() && tuning.format == table.format() && tuning.rows == table.rows() &&
           tuning.dim == table.dim();
}

}  // namespace

std::size_t tuning::passes_of_round() noexcept { return kPasses; }

Result<std::vector<TableTuning>> tuning::measure_prefetching(const Model& model, const std::function<void()>& between,
                                                             const TuneProgress& progress) {
    std::vector<Subject> subjects = subjects_of(pooling::contents_of(model));
    if (subjects.empty()) return std::vector<TableTuning>();
    std::size_t widest = 0;
    for (const Subject& subject : subjects) widest = std::max(widest, subject.table->dim());
    Measurement measurement(widest);
    const Schedule schedule(between ? kBudgetBetween : kBudget);
    for (std::size_t round = 0; schedule.begins(round); ++round) {
        for (std::size_t pass = 0; pass < kPasses; ++pass) {
            if (between) between();
            // The order of candidates changes from round to round.
            const PoolStatus status = measurement.pass(subjects, (pass + round) % kPasses);
            if (!status) return Error{status.code, status.message()};
            if (progress) progress(schedule.done(round * kPasses + pass + 1));
        }
    }
    std::vector<TableTuning> tunings;
    std::ranges::transform(subjects, std::back_inserter(tunings), result_of);
    return tunings;
}

Result<TuningProfile> tune(const Model& model, const TuneOptions& options) {
    return support::without_exceptions([&]() -> Result<TuningProfile> {
        Result<support::OtherMemory> other = support::OtherMemory::create(options.between);
        if (!other) return other.error();
        std::function<void()> between;
        if (options.between > 0) between = [&other] { other->write(); };
        Result<std::vector<TableTuning>> tables = tuning::measure_prefetching(model, between, options.progress);
        if (!tables) return tables.error();
        return TuningProfile{.cpu = cpu_name(), .tables = *std::move(tables), .between = options.between};
    });
}

Result<Model> with_profile(const Model& model, const TuningProfile& profile) {
    return support::without_exceptions([&]() -> Result<Model> {
        std::vector<Feature> features(model.features().begin(), model.features().end());
        for (std::size_t f = 0; f < features.size(); ++f) {
            Feature& feature = features[f];
            const auto tuning = std::ranges::find_if(
                profile.tables, [&](const TableTuning& tuned) { return is_for(tuned, feature.table); });
            if (tuning == profile.tables.end() || feature.options.prefetch) continue;
            // The rule's own choice is left to the rule, which looks at indices, too.
            if (tuning->prefetch == pooling::contents_of(model).plans[f].rows.prefetch) continue;
            feature.options.prefetch = tuning->prefetch;
        }
        return Model::create(std::move(features));
    });
}

}  // namespace rowpool
