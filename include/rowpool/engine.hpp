// Parallel pooling: over the bags of one table, and over all tables of a request at once.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rowpool/bags.hpp"
#include "rowpool/export.hpp"
#include "rowpool/pool.hpp"
#include "rowpool/quantize.hpp"
#include "rowpool/status.hpp"
#include "rowpool/table.hpp"

namespace rowpool {

class Model;
namespace pooling {
struct ModelContents;
struct Plan;
const ModelContents& contents_of(const Model& model) noexcept;
}  // namespace pooling

/// One column block of a request's output: a table and how it is pooled. Several features may share a table.
struct Feature {
    Table table;
    PoolOptions options = {};
};

/// What a request is answered from: features in the order of their columns. Immutable; cheap to copy; safe to share.
class ROWPOOL_API Model {
public:
    /// Errors: invalid_argument without features, with Pooling::none, or with a padding index outside its table.
    static Result<Model> create(std::vector<Feature> features);

    std::span<const Feature> features() const noexcept;
    /// First output column of feature f: the sum of the dims before it.
    std::size_t column(std::size_t f) const noexcept;
    /// Columns of the output: the sum of all dims.
    std::size_t total_dim() const noexcept;

private:
    friend const pooling::ModelContents& pooling::contents_of(const Model& model) noexcept;
    explicit Model(std::shared_ptr<const pooling::ModelContents> contents) noexcept : contents_(std::move(contents)) {}

    std::shared_ptr<const pooling::ModelContents> contents_;
};

/// The indices of all features of a batch, in the layout of TorchRec's KeyedJaggedTensor and FBGEMM's TBE: the indices
/// of feature 0 for every sample, then those of feature 1, and so on. A view of the caller's buffers.
struct Request {
    IndexSpan indices;
    IndexSpan offsets;  ///< features * batch + 1 entries: sample b of feature f is bag f * batch + b
    /// One an index of any feature, or empty. Features that are pooled by max do not read theirs.
    std::span<const float> weights = {};
};

struct EngineOptions {
    /// Threads that work on one call, including the calling thread, at most 1024; 0 means one for each CPU in the
    /// affinity mask of the calling thread, but no more than the CPU quota of its cgroups, rounded up.
    std::size_t threads = 0;
};

/// What an Engine needs of tbb::task_arena; a concept, so that this header does not include oneTBB's.
template <class A>
concept TaskArena = requires(A& arena) {
    arena.execute([] {});
    arena.max_concurrency();
};

/// Runs lookups on several threads. Any number of threads may call one engine at once and share its threads. Small
/// calls run on the calling thread without waking another; so does a call that arrives while half as many callers as
/// threads are busy. Calls do not allocate, except for the very first call in an arena and the first call in a child of
/// fork().
///
/// The process may be forked at any moment, even while other threads are in calls. In the child, an engine starts new
/// threads on its first call. An engine that borrows an arena does not, because oneTBB does not survive a fork: in the
/// child its calls run on the calling thread, and threads() is 1. Forks are detected with pthread_atfork.
class ROWPOOL_API Engine {
public:
    /// An engine with that many threads, counting the caller; they sleep while there is no call. When the system cannot
    /// create some of them, the engine works with the others; threads() says how many there are. The threads inherit
    /// the CPU affinity of the thread that constructs the engine, are named "rowpool" and block signals.
    explicit Engine(const EngineOptions& options = {}) noexcept;

    /// An engine that works in the caller's tbb::task_arena, which must outlive it:
    ///   tbb::task_arena arena(4); rowpool::Engine engine(arena);
    /// A thread that waits for a call to end runs no other task of the arena, so it may hold a lock that tasks of the
    /// arena take, too. It still needs a slot in the arena: tbb::task_arena reserves one for outside threads, unless it
    /// was constructed to reserve none. Do not pass an arena in a forked child of a process that has used oneTBB.
    template <TaskArena A>
    explicit Engine(A& arena)
        : Engine(Arena{&arena, [](void* a, void (*work)(void*),
                                  void* context) { static_cast<A*>(a)->execute([=] { work(context); }); }},
                 static_cast<std::size_t>(arena.max_concurrency())) {}

    /// An engine that was moved from can only be destroyed or assigned to.
    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;
    ~Engine();

    /// Threads that work on one call, including the calling thread: the number that could be started.
    std::size_t threads() const noexcept;

    /// As rowpool::pool, in parallel over bags; the same bits for every number of threads.
    PoolStatus pool(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out) const noexcept;

    /// Pools every feature of a request: out is [batch, total_dim], feature f in columns [column(f), column(f) + dim).
    /// Errors as rowpool::pool, with the fault's feature, table and bag; the bag is counted within its feature.
    ///
    /// @param skipped  receives the number of skipped indices of each feature when the call succeeds; empty if not
    ///                 wanted
    PoolStatus pool(const Model& model, const Request& request, const Output& out,
                    std::span<std::size_t> skipped = {}) const noexcept;

    /// As rowpool::quantize_rows, in parallel over rows; the row named by an error is the first bad one.
    Status quantize_rows(const Table& source, RowCoding coding, std::span<std::byte> out, std::size_t first = 0) const;

private:
    // A type-erased task_arena.
    struct Arena {
        void* arena = nullptr;
        void (*execute)(void* arena, void (*work)(void*), void* context) = nullptr;
    };
    struct ROWPOOL_LOCAL State;

    Engine(Arena arena, std::size_t threads) noexcept;
    template <class Work>
    void run(std::size_t cost, const Work& work) const;
    ROWPOOL_LOCAL PoolStatus run_plan(const pooling::Plan& plan) const noexcept;

    std::unique_ptr<State> state_;  // null where threads_ is 1
    Arena arena_;                   // null for an engine with its own threads
    std::size_t threads_ = 1;       // as requested
};

}  // namespace rowpool
