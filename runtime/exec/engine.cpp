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
#include "exec/model.hpp"
#include "exec/parts.hpp"
#include "exec/plan.hpp"
#include "exec/quantize_steps.hpp"
#include "exec/request_calls.hpp"

namespace rowpool {
namespace {

/// Waking another thread takes microseconds, in which one thread pools about this many bytes of rows.
constexpr std::size_t kSerialBytes = std::size_t{128} << 10;
/// Indices that are worth a task of their own to check.
constexpr std::size_t kCheckedIndices = std::size_t{16} << 10;
/// Work that is worth a task of its own.
constexpr std::size_t kPieceBytes = std::size_t{64} << 10;
/// Pieces a thread: enough that threads which are held up leave some of theirs to others.
constexpr std::size_t kPiecesPerThread = 4;

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

/// Where piece p of pieces of equal size begins.
std::size_t cut(std::size_t size, std::size_t pieces, std::size_t p) noexcept {
    return size / pieces * p + std::min(p, size % pieces);
}

/// The position of the first bad index among those that must not be bad, or Smallest::kNone.
template <class Calls>
std::size_t find_first_bad(const Calls& calls, std::size_t pieces) {
    const std::size_t begin = calls.first_index(0);
    const std::size_t count = calls.first_index(calls.count()) - begin;
    Smallest first_bad;
    const std::size_t parts = std::min(pieces, divide_up(count, kCheckedIndices));
    for_each(parts, [&](std::size_t p) {
        const std::size_t end = begin + cut(count, parts, p + 1);
        const std::size_t bad = exec::find_bad_of_all(calls, begin + cut(count, parts, p), end);
        if (bad != end) first_bad.note(bad);
    });
    return first_bad.get();
}

/// Checks the indices of all calls, then pools them, in so many pieces.
template <class Calls>
PoolStatus run_calls(const Calls& calls, std::size_t cost, std::size_t pieces) {
    const std::size_t first_bad = find_first_bad(calls, pieces);
    if (first_bad != Smallest::kNone) return calls.bad_index(first_bad);
    const exec::Cut begin = exec::begin_of(calls);
    const exec::Cut end = exec::end_of(calls, cost);
    std::atomic<std::size_t> skipped = 0;
    for_each(pieces, [&](std::size_t p) {
        const exec::Cut first = p == 0 ? begin : exec::cut_at(calls, cut(cost, pieces, p), begin);
        const exec::Cut last = p + 1 == pieces ? end : exec::cut_at(calls, cut(cost, pieces, p + 1), first);
        const std::size_t bad = exec::run_stretch(calls, first, last);
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

/// Calls work(pieces), in the arena when there are several: as many as suit work of that cost, given who else is here.
/// A second half of callers would only take turns with the first at the cores, so each of it keeps to its own.
template <class Work>
void Engine::run(std::size_t cost, const Work& work) const {
    if (threads_ == 1 || cost < kSerialBytes) return work(1);
    const Caller caller(state_->callers);
    if (2 * caller.others() >= threads_) return work(1);
    const auto run_in_pieces = [&] { work(std::min(divide_up(cost, kPieceBytes), threads_ * kPiecesPerThread)); };
    using Run = decltype(run_in_pieces);
    arena_.execute(
        arena_.arena, [](void* context) { (*static_cast<Run*>(context))(); },
        const_cast<void*>(static_cast<const void*>(&run_in_pieces)));
}

template <class Calls>
PoolStatus Engine::pool_all(const Calls& calls) const noexcept {
    const std::size_t cost = exec::total_cost(calls);
    PoolStatus status;
    try {
        run(cost, [&](std::size_t pieces) { status = run_calls(calls, cost, pieces); });
    } catch (...) {  // oneTBB could not make a task; nothing of ours throws
        status = exec::fault(PoolFault::out_of_memory);
    }
    return status;
}

PoolStatus Engine::pool(const Table& table, const Bags& bags, const PoolOptions& options,
                        const Output& out) const noexcept {
    exec::Plan plan;
    const PoolStatus checked = exec::plan_call(table, bags, options, out, plan);
    return checked ? pool_all(exec::OneCall(plan)) : checked;
}

PoolStatus Engine::pool(const Model& model, const Request& request, const Output& out) const noexcept {
    exec::RequestCalls calls;
    const PoolStatus checked = exec::RequestCalls::make(exec::contents_of(model), request, out, calls);
    return checked ? pool_all(calls) : checked;
}

Status Engine::quantize_rows(const Table& source, RowCoding coding, std::span<std::byte> out, std::size_t first) const {
    return without_exceptions([&]() -> Status {
        if (Status status = exec::check_quantize(source, coding, out); !status) return status;
        const std::size_t least = coding.method == QuantizationMethod::min_max ? 1 : kernels::kRowsAtOnce;
        const std::size_t step = std::max(least, kPieceBytes / source.row_stride() / least * least);
        Smallest bad_row;
        run(source.rows() * source.row_stride(), [&](std::size_t pieces) {
            const std::size_t rows = pieces == 1 ? source.rows() : step;
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
