// The parallel engine: the only place, besides the verification of files and copies of rows, where threads are.
#include "rowpool/engine.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "core/boundary.hpp"
#include "core/parallel.hpp"
#include "exec/checks.hpp"
#include "exec/model.hpp"
#include "exec/plan.hpp"
#include "exec/quantize_steps.hpp"
#include "exec/slice.hpp"

namespace rowpool {
namespace {

/// Waking another thread takes microseconds, in which one thread pools about this many bytes of rows.
constexpr std::size_t kSerialBytes = std::size_t{128} << 10;
/// Indices that are worth a task of their own to check.
constexpr std::size_t kCheckedIndices = std::size_t{16} << 10;
/// Work that is worth a task of its own.
constexpr std::size_t kSliceBytes = std::size_t{64} << 10;
/// Slices a thread: enough that threads which are held up leave some of theirs to others.
constexpr std::size_t kSlicesPerThread = 4;

/// More threads than any machine that we know has cores; oneTBB allocates for each that is asked for.
constexpr std::size_t kMaxThreads = 1024;

std::size_t available_cores() { return static_cast<std::size_t>(tbb::info::default_concurrency()); }

std::size_t divide_up(std::size_t a, std::size_t b) noexcept { return a / b + (a % b != 0 ? 1 : 0); }

/// Calls body(i) for i in [0, count), in any order and on any thread of the arena it runs in.
template <class Body>
void for_each(std::size_t count, const Body& body) {
    if (count > 1) return parallel_for(count, body);
    if (count == 1) body(0);
}

/// Where share i of shares of equal size begins.
std::size_t share(std::size_t size, std::size_t shares, std::size_t i) noexcept {
    return size / shares * i + std::min(i, size % shares);
}

/// The position of the first bad index that is not to be skipped, or Smallest::kNone.
std::size_t find_first_bad(const exec::Plan& plan, std::size_t slices) {
    const std::size_t count = plan.indices.size();
    const std::size_t parts = std::min(slices, divide_up(count, kCheckedIndices));
    Smallest first_bad;
    for_each(parts, [&](std::size_t p) {
        const std::size_t end = share(count, parts, p + 1);
        const std::size_t bad = exec::find_bad(plan, share(count, parts, p), end);
        if (bad != end) first_bad.note(bad);
    });
    return first_bad.get();
}

/// Checks the indices of a plan, then pools its bags, in so many slices.
PoolStatus run_slices(const exec::Plan& plan, std::size_t cost, std::size_t slices) {
    const std::size_t first_bad = find_first_bad(plan, slices);
    if (first_bad != Smallest::kNone) return exec::bad_index(plan, first_bad);
    std::atomic<std::size_t> skipped = 0;
    for_each(slices, [&](std::size_t s) {
        const exec::Place begin = exec::begin_of(plan);
        const exec::Place first = s == 0 ? begin : exec::place_at(plan, share(cost, slices, s), begin);
        const exec::Place last =
            s + 1 == slices ? exec::end_of(plan) : exec::place_at(plan, share(cost, slices, s + 1), first);
        const std::size_t bad = exec::run_slice(plan, first, last);
        if (bad > 0) skipped.fetch_add(bad, std::memory_order_relaxed);
    });
    PoolStatus status;
    status.skipped = skipped;
    return status;
}

/// Counts a caller for as long as it lives.
class Caller {
public:
    explicit Caller(std::atomic<std::size_t>& callers) noexcept
        : callers_(callers), others_(callers.fetch_add(1, std::memory_order_relaxed)) {}
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;
    ~Caller() { callers_.fetch_sub(1, std::memory_order_relaxed); }

    /// Callers that were there before.
    std::size_t others() const noexcept { return others_; }

private:
    std::atomic<std::size_t>& callers_;
    std::size_t others_;
};

}  // namespace

struct Engine::State {
    /// Makes the arena of an engine that does not borrow one.
    void make_arena(std::size_t threads) {
        // oneTBB makes no more threads than cores, whatever an arena asks for, unless its global limit is raised. With
        // several limits the smallest one counts, so one that the application has set stays in force.
        if (threads > available_cores()) limit.emplace(tbb::global_control::max_allowed_parallelism, threads);
        arena.emplace(static_cast<int>(threads));
    }

    std::optional<tbb::global_control> limit;
    std::optional<tbb::task_arena> arena;
    std::atomic<std::size_t> callers = 0;  ///< that are in a call large enough for several threads
};

Engine::Engine(const EngineOptions& options) noexcept
    : threads_(options.threads == 0 ? available_cores() : std::min(options.threads, kMaxThreads)) {
    try {
        state_ = std::make_unique<State>();
        state_->make_arena(threads_);
    } catch (...) {  // out of memory
        threads_ = 1;
        return;
    }
    arena_ = {&*state_->arena, [](void* arena, void (*work)(void*), void* context) {
                  static_cast<tbb::task_arena*>(arena)->execute([=] { work(context); });
              }};
}

Engine::Engine(Arena arena, std::size_t threads) noexcept : arena_(arena), threads_(threads) {
    try {
        state_ = std::make_unique<State>();
    } catch (...) {  // out of memory
        threads_ = 1;
    }
}

Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

/// Calls work(slices), in the arena when there are several: as many as suit work of that cost, given who else is here.
/// A second half of callers would only take turns with the first at the cores, so each of it keeps to its own.
template <class Work>
void Engine::run(std::size_t cost, const Work& work) const {
    if (threads_ == 1 || cost < kSerialBytes) return work(1);
    const Caller caller(state_->callers);
    if (2 * caller.others() >= threads_) return work(1);
    const auto run_in_slices = [&] { work(std::min(divide_up(cost, kSliceBytes), threads_ * kSlicesPerThread)); };
    using Run = decltype(run_in_slices);
    arena_.execute(
        arena_.arena, [](void* context) { (*static_cast<Run*>(context))(); },
        const_cast<void*>(static_cast<const void*>(&run_in_slices)));
}

PoolStatus Engine::run_plan(const exec::Plan& plan) const noexcept {
    if (threads_ == 1) return exec::run(plan);
    const std::size_t cost = exec::cost_of(plan);
    PoolStatus status;
    try {
        run(cost, [&](std::size_t slices) { status = slices == 1 ? exec::run(plan) : run_slices(plan, cost, slices); });
    } catch (...) {  // oneTBB could not make a task; nothing of ours throws
        status = exec::fault(PoolFault::out_of_memory);
    }
    return status;
}

PoolStatus Engine::pool(const Table& table, const Bags& bags, const PoolOptions& options,
                        const Output& out) const noexcept {
    exec::FeaturePlan feature;
    exec::Plan plan;
    const PoolStatus checked = exec::plan_call(table, bags, options, out, feature, plan);
    return checked ? run_plan(plan) : checked;
}

PoolStatus Engine::pool(const Model& model, const Request& request, const Output& out) const noexcept {
    const exec::ModelContents& contents = exec::contents_of(model);
    exec::Plan plan;
    const PoolStatus checked = exec::plan_request(contents.plans, contents.total_dim, request, out, plan);
    return checked ? run_plan(plan) : checked;
}

Status Engine::quantize_rows(const Table& source, RowCoding coding, std::span<std::byte> out, std::size_t first) const {
    return without_exceptions([&]() -> Status {
        if (Status status = exec::check_quantize(source, coding, out); !status) return status;
        const std::size_t least = coding.method == QuantizationMethod::min_max ? 1 : kernels::kRowsAtOnce;
        const std::size_t step = std::max(least, kSliceBytes / source.row_stride() / least * least);
        Smallest bad_row;
        run(source.rows() * source.row_stride(), [&](std::size_t slices) {
            const std::size_t rows = slices == 1 ? source.rows() : step;
            for_each(rows == 0 ? 0 : divide_up(source.rows(), rows), [&](std::size_t i) {
                const std::size_t last = std::min(source.rows(), (i + 1) * rows);
                const std::size_t row = exec::quantize_range(source, coding, out, i * rows, last);
                if (row < last) bad_row.note(row);
            });
        });
        const std::size_t row = bad_row.get();
        return row == Smallest::kNone ? Status() : exec::bad_row(source, coding.format, row, first + row);
    });
}

}  // namespace rowpool
