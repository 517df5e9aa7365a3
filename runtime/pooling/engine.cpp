// The parallel engine: distributes the slices of a call over its own threads, or over a oneTBB arena.
#include "rowpool/engine.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "pooling/checks.hpp"
#include "pooling/cold.hpp"
#include "pooling/model.hpp"
#include "pooling/plan.hpp"
#include "pooling/slice.hpp"
#include "quantization/quantize_steps.hpp"
#include "support/boundary.hpp"
#include "support/cores.hpp"
#include "support/forks.hpp"
#include "support/handover.hpp"
#include "support/parallel.hpp"
#include "support/thread_pool.hpp"

namespace rowpool {
namespace {

/// Waking another thread takes microseconds, in which one thread pools about this many bytes of rows.
constexpr std::size_t kSerialBytes = std::size_t{128} << 10;
/// Indices that are worth a task to check.
constexpr std::size_t kCheckedIndices = std::size_t{16} << 10;
/// Bytes that are worth a task.
constexpr std::size_t kSliceBytes = std::size_t{64} << 10;
/// Slices per thread: enough for other threads to take over work from one that is delayed.
constexpr std::size_t kSlicesPerThread = 4;

/// More threads than any machine that we know of has cores.
constexpr std::size_t kMaxThreads = 1024;

std::size_t divide_up(std::size_t a, std::size_t b) noexcept { return a / b + (a % b != 0 ? 1 : 0); }

/// The threads that help the caller with the loops of a call.
struct Helpers {
    support::ThreadPool* pool;  ///< null: the threads of the arena that the caller is in

    /// Calls body(i) for i in [0, count), in any order.
    template <class Body>
    void for_each(std::size_t count, const Body& body) const {
        if (count < 2) return count == 1 ? body(0) : void();
        if (pool != nullptr) return pool->for_each(count, body);
        // With a separate task group, because in a group that the application has cancelled the loop would end without
        // doing anything. Isolated, because while the caller waits, it must not run other tasks of the arena, which may
        // take a lock that it holds.
        tbb::task_group_context context(tbb::task_group_context::isolated);
        const support::HandedOver handed(body);
        tbb::this_task_arena::isolate([&] { tbb::parallel_for(std::size_t{0}, count, handed, context); });
        handed.take_back();
    }
};

/// The position of the first bad index, not counting features that skip bad indices; or Smallest::kNone.
std::size_t find_first_bad(const pooling::Plan& plan, std::size_t slices, const Helpers& helpers) {
    const std::size_t count = plan.indices.size();
    const std::size_t parts = std::min(slices, divide_up(count, kCheckedIndices));
    support::Smallest first_bad;
    helpers.for_each(parts, [&](std::size_t p) {
        const std::size_t end = support::part_begin(count, parts, p + 1);
        const std::size_t bad = pooling::find_bad(plan, support::part_begin(count, parts, p), end);
        if (bad != end) first_bad.note(bad);
    });
    return first_bad.get();
}

/// Checks the indices of a plan, then pools its bags, in the given number of slices.
PoolStatus run_slices(const pooling::Plan& plan, std::size_t cost, std::size_t slices, const Helpers& helpers) {
    const std::size_t first_bad = find_first_bad(plan, slices, helpers);
    if (first_bad != support::Smallest::kNone) return pooling::bad_index(plan, first_bad);
    pooling::clear_skipped(plan);
    std::atomic<std::size_t> skipped = 0;
    helpers.for_each(slices, [&](std::size_t s) {
        const pooling::BagBoundary begin = pooling::begin_of(plan);
        const pooling::BagBoundary first =
            s == 0 ? begin : pooling::boundary_at(plan, support::part_begin(cost, slices, s), begin);
        const pooling::BagBoundary last =
            s + 1 == slices ? pooling::end_of(plan)
                            : pooling::boundary_at(plan, support::part_begin(cost, slices, s + 1), first);
        const std::size_t bad =
            plan.is_cold ? pooling::run_cold_slice(plan, first, last) : pooling::run_slice(plan, first, last);
        if (bad > 0) skipped.fetch_add(bad, std::memory_order_relaxed);
    });
    PoolStatus status;
    status.skipped = skipped;
    return status;
}

/// Counts itself as a caller for as long as it lives.
class Caller {
public:
    explicit Caller(std::atomic<std::size_t>& callers) noexcept
        : callers_(callers), others_(callers.fetch_add(1, std::memory_order_relaxed)) {}
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;
    ~Caller() { callers_.fetch_sub(1, std::memory_order_relaxed); }

    /// The number of callers that were there before.
    std::size_t others() const noexcept { return others_; }

private:
    std::atomic<std::size_t>& callers_;
    std::size_t others_;
};

/// The threads of an engine, and its number of callers.
struct Team {
    explicit Team(std::size_t threads) : pool(threads) {}

    support::ThreadPool pool;              ///< has one thread when the engine borrows an arena
    std::atomic<std::size_t> callers = 0;  ///< in calls that are large enough for several threads
};

}  // namespace

struct Engine::State {
    explicit State(std::size_t threads) : wanted(threads), team(new Team(threads)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        Team* const last = team;
        if (last->pool.is_here()) delete last;  // the threads of a parent process cannot be joined
    }

    /// The team of this process. In a child of fork(), the parent's team is leaked: its locks may be held, and its
    /// callers counted, by threads that do not exist here.
    Team& team_here() {
        Team* seen = team.load(std::memory_order_acquire);
        if (seen->pool.is_here()) return *seen;
        auto own = std::make_unique<Team>(wanted);
        if (team.compare_exchange_strong(seen, own.get(), std::memory_order_acq_rel)) return *own.release();
        return *seen;
    }

    const std::size_t wanted;  ///< threads
    const unsigned made_at = support::fork_number();
    std::atomic<Team*> team;  ///< never null
};

Engine::Engine(const EngineOptions& options) noexcept
    : threads_(options.threads == 0 ? support::available_cores() : std::min(options.threads, kMaxThreads)) {
    if (threads_ == 1) return;
    try {
        state_ = std::make_unique<State>(threads_);
    } catch (...) {  // out of memory
        threads_ = 1;
    }
}

// oneTBB has a process-wide limit, which an arena's max_concurrency() does not reflect.
Engine::Engine(Arena arena, std::size_t threads) noexcept
    : arena_(arena),
      threads_(std::min(threads, tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism))) {
    if (threads_ == 1) return;
    try {
        state_ = std::make_unique<State>(1);
    } catch (...) {  // out of memory
        threads_ = 1;
    }
}

Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

std::size_t Engine::threads() const noexcept {
    if (threads_ == 1) return 1;
    // In a child of fork(), the threads of the borrowed arena do not exist.
    if (arena_.arena != nullptr) return state_->made_at == support::fork_number() ? threads_ : 1;
    try {
        return state_->team_here().pool.threads();
    } catch (...) {  // out of memory
        return 1;
    }
}

/// Calls work(slices, helpers) with a number of slices that suits the cost and the number of other callers; in the
/// arena, if there is one and there are several slices. Once half as many callers as threads are busy, the cores are
/// taken, so further callers work alone. May throw what the work throws.
template <class Work>
void Engine::run(std::size_t cost, const Work& work) const {
    const Helpers of_arena = {nullptr};
    const std::size_t threads = cost < kSerialBytes ? 1 : this->threads();
    if (threads == 1) return work(1, of_arena);
    Team& team = state_->team_here();
    const Caller caller(team.callers);
    if (2 * caller.others() >= threads) return work(1, of_arena);
    const std::size_t slices = std::min(divide_up(cost, kSliceBytes), threads * kSlicesPerThread);
    if (arena_.arena == nullptr) return work(slices, Helpers{&team.pool});
    const auto run_in_slices = [&] { work(slices, of_arena); };
    const support::HandedOver handed(run_in_slices);  // to another thread where the arena is full
    using Run = decltype(handed);
    try {
        arena_.execute(
            arena_.arena, [](void* context) { (*static_cast<Run*>(context))(); },
            const_cast<void*>(static_cast<const void*>(&handed)));
        handed.take_back();
    } catch (...) {  // oneTBB could not create a task or a thread: start over, on this thread alone
        work(1, of_arena);
    }
}

PoolStatus Engine::run_plan(const pooling::Plan& plan) const noexcept {
    if (threads_ == 1) return pooling::run(plan);
    const std::size_t cost = pooling::cost_of(plan);
    PoolStatus status;
    run(cost, [&](std::size_t slices, const Helpers& helpers) {
        status = slices == 1 ? pooling::run(plan) : run_slices(plan, cost, slices, helpers);
    });
    return status;
}

PoolStatus Engine::pool(const Table& table, const Bags& bags, const PoolOptions& options,
                        const Output& out) const noexcept {
    pooling::FeaturePlan feature;
    pooling::Plan plan;
    PoolStatus checked = pooling::plan_call(table, bags, options, out, feature, plan);
    if (!checked) return checked;
    return run_plan(plan);
}

PoolStatus Engine::pool(const Model& model, const Request& request, const Output& out,
                        std::span<std::size_t> skipped) const noexcept {
    const pooling::ModelContents& contents = pooling::contents_of(model);
    pooling::Plan plan;
    PoolStatus checked =
        pooling::plan_request(contents.plans, contents.total_dim, contents.is_cold, request, out, skipped, plan);
    if (!checked) return checked;
    return run_plan(plan);
}

Status Engine::quantize_rows(const Table& source, RowCoding coding, std::span<std::byte> out, std::size_t first) const {
    return support::without_exceptions([&]() -> Status {
        if (Status status = quantization::check_quantize(source, coding, out); !status) return status;
        const std::size_t least = coding.method == QuantizationMethod::min_max ? 1 : kernels::kRowsAtOnce;
        const std::size_t step = std::max(least, kSliceBytes / source.row_stride() / least * least);
        support::Smallest bad_row;
        run(source.rows() * source.row_stride(), [&](std::size_t slices, const Helpers& helpers) {
            const std::size_t rows = slices == 1 ? source.rows() : step;
            const std::size_t steps = rows == 0 ? 0 : divide_up(source.rows(), rows);
            helpers.for_each(steps, [&](std::size_t i) {
                const std::size_t last = std::min(source.rows(), (i + 1) * rows);
                const std::size_t row = quantization::quantize_range(source, coding, out, i * rows, last);
                if (row < last) bad_row.note(row);
            });
        });
        const std::size_t row = bad_row.get();
        return row == support::Smallest::kNone ? Status()
                                               : quantization::bad_row(source, coding.format, row, first + row);
    });
}

}  // namespace rowpool
