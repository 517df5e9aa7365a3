// The parallel engine: the only place, besides the verification of files and copies of rows, where threads are.
#include "rowpool/engine.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "core/boundary.hpp"
#include "core/parallel.hpp"
#include "core/text.hpp"
#include "exec/plan.hpp"
#include "exec/quantize_steps.hpp"

namespace rowpool {
namespace {

/// Waking another thread takes microseconds, in which one thread pools about this many bytes of rows.
constexpr std::size_t kSerialBytes = std::size_t{128} << 10;
/// Work that is worth a task of its own.
constexpr std::size_t kPieceBytes = std::size_t{64} << 10;
/// Indices that are checked at a time.
constexpr std::size_t kCheckedIndices = std::size_t{16} << 10;
constexpr std::size_t kMaxPieces = 256;

/// More threads than any machine that we know has cores; oneTBB allocates for each that is asked for.
constexpr std::size_t kMaxThreads = 1024;

std::size_t available_cores() { return static_cast<std::size_t>(tbb::info::default_concurrency()); }

/// Calls body(i) for i in [0, count), in any order and, when `parallel`, on any thread of the arena it runs in.
template <class Body>
void for_each(bool parallel, std::size_t count, const Body& body) {
    if (parallel && count > 1) return parallel_for(count, body);
    for (std::size_t i = 0; i < count; ++i) body(i);
}

std::size_t divide_up(std::size_t a, std::size_t b) noexcept { return a / b + (a % b != 0 ? 1 : 0); }

/// Calls body(begin, end) for stretches of the plan's indices.
template <class Body>
void for_each_stretch(const exec::Plan& plan, bool parallel, const Body& body) {
    for_each(parallel, divide_up(plan.end - plan.begin, kCheckedIndices), [&](std::size_t i) {
        const std::size_t begin = plan.begin + i * kCheckedIndices;
        body(begin, std::min(begin + kCheckedIndices, plan.end));
    });
}

/// Notes the first bad index of a plan that must not have any.
void check_indices(const exec::Plan& plan, bool parallel, Smallest& first_bad) {
    if (plan.skips_bad) return;
    for_each_stretch(plan, parallel, [&](std::size_t begin, std::size_t end) {
        if (exec::count_bad(plan, begin, end) > 0) first_bad.note(exec::find_bad(plan, begin, end));
    });
}

/// The number of bad indices of a plan that skips them.
std::size_t count_skipped(const exec::Plan& plan, bool parallel) {
    if (!plan.skips_bad) return 0;
    std::atomic<std::size_t> skipped = 0;
    for_each_stretch(plan, parallel, [&](std::size_t begin, std::size_t end) {
        skipped.fetch_add(exec::count_bad(plan, begin, end), std::memory_order_relaxed);
    });
    return skipped;
}

/// Cuts the bags of a plan into pieces of equal numbers and runs them.
void run_pieces(const exec::Plan& plan, bool filters, bool parallel) {
    const std::size_t num_bags = plan.args.last_bag;
    const std::size_t wanted = parallel ? divide_up(exec::cost_bytes(plan), kPieceBytes) : 1;
    const std::size_t pieces = std::min({wanted, num_bags, kMaxPieces});
    std::array<std::size_t, kMaxPieces + 1> first = {};
    std::array<std::size_t, kMaxPieces + 1> position = {};
    position[0] = plan.begin;
    for (std::size_t p = 1; p <= pieces; ++p) {
        first[p] = num_bags / pieces * p + std::min(p, num_bags % pieces);
        position[p] = exec::position_of(plan, first[p], first[p - 1], position[p - 1]);
    }
    for_each(parallel, pieces,
             [&](std::size_t p) { exec::run_bags(plan, filters, first[p], first[p + 1], position[p]); });
}

/// Pools all bags of a plan whose indices have been checked; returns how many it skipped.
std::size_t run_plan(const exec::Plan& plan, bool parallel) {
    const std::size_t skipped = count_skipped(plan, parallel);
    run_pieces(plan, exec::needs_filter(plan, skipped), parallel);
    return skipped;
}

/// A request cut into one call a feature.
class FeatureCalls {
public:
    FeatureCalls(const Model& model, const Request& request, const exec::BagLayout& layout, const Output& out,
                 std::size_t stride) noexcept
        : model_(model), request_(request), layout_(layout), out_(out), stride_(stride) {}

    std::size_t count() const noexcept { return model_.features().size(); }
    std::size_t batch() const noexcept { return layout_.num_bags / count(); }

    PoolStatus make(std::size_t f, exec::Plan& plan) const noexcept {
        const Feature& feature = model_.features()[f];
        exec::BagLayout layout = layout_;
        layout.num_bags = batch();
        layout.begin = first_index(f);
        layout.end = first_index(f + 1);
        layout.ends = exec::ends_from(layout_.ends, f * batch());
        const Output columns = out_.columns_from(out_.column() + model_.column(f), stride_);
        PoolStatus status = exec::make_plan(feature.table, layout, feature.options, columns, plan);
        if (!status) status.table = feature.table.name();
        return status;
    }

    /// Calls body(plan) for every feature, each of which has been made once without a fault.
    template <class Body>
    void for_each_plan(bool parallel, const Body& body) const {
        for_each(parallel, count(), [&](std::size_t f) {
            exec::Plan plan;
            if (make(f, plan)) body(plan);
        });
    }

    PoolStatus bad_index(std::size_t position) const noexcept {
        std::size_t f = 0;
        while (first_index(f + 1) <= position) ++f;
        exec::Plan plan;
        PoolStatus status = make(f, plan);
        return status ? exec::bad_index(plan, position) : status;
    }

private:
    std::size_t first_index(std::size_t f) const noexcept {
        return static_cast<std::size_t>(request_.offsets[f * batch()]);
    }

    const Model& model_;
    const Request& request_;
    const exec::BagLayout& layout_;
    const Output& out_;
    std::size_t stride_;
};

PoolStatus check_batch(const Model& model, IndexSpan offsets) noexcept {
    const std::size_t features = model.features().size();
    if (!offsets.empty() && (offsets.size() - 1) % features == 0) return {};
    return exec::fault(PoolFault::batch_shape, 0, static_cast<std::int64_t>(offsets.size()), features);
}

PoolStatus run_request(const FeatureCalls& calls, bool parallel) {
    Smallest first_bad;
    calls.for_each_plan(parallel, [&](const exec::Plan& plan) { check_indices(plan, parallel, first_bad); });
    if (first_bad.get() != Smallest::kNone) return calls.bad_index(first_bad.get());
    std::atomic<std::size_t> skipped = 0;
    calls.for_each_plan(parallel, [&](const exec::Plan& plan) { skipped += run_plan(plan, parallel); });
    PoolStatus status;
    status.skipped = skipped;
    return status;
}

}  // namespace

Model::Model(std::vector<Feature> features, std::vector<std::size_t> columns)
    : features_(std::make_shared<const std::vector<Feature>>(std::move(features))),
      columns_(std::make_shared<const std::vector<std::size_t>>(std::move(columns))) {}

Result<Model> Model::create(std::vector<Feature> features) {
    return without_exceptions([&]() -> Result<Model> {
        if (features.empty()) return Error{ErrorCode::invalid_argument, "a model needs at least one feature"};
        std::vector<std::size_t> columns = {0};
        for (std::size_t f = 0; f < features.size(); ++f) {
            const Feature& feature = features[f];
            const std::string where =
                "feature " + std::to_string(f) + ", table " + printable(feature.table.name()) + ": ";
            if (feature.options.mode == Pooling::none) {
                return Error{ErrorCode::invalid_argument,
                             where + "a feature is pooled; mode none is for single tables"};
            }
            if (!exec::resolve_padding(feature.table, feature.options.padding_index)) {
                return Error{ErrorCode::invalid_argument,
                             where + "padding index " + std::to_string(feature.options.padding_index.index()) +
                                 " is outside its " + std::to_string(feature.table.rows()) + " rows"};
            }
            columns.push_back(columns.back() + feature.table.dim());
        }
        return Model(std::move(features), std::move(columns));
    });
}

struct Engine::OwnArena {
    explicit OwnArena(std::size_t threads) : arena(static_cast<int>(threads)) {
        // oneTBB makes no more threads than cores, whatever an arena asks for, unless its global limit is raised. With
        // several limits the smallest one counts, so one that the application has set stays in force.
        if (threads > available_cores()) limit.emplace(tbb::global_control::max_allowed_parallelism, threads);
    }

    std::optional<tbb::global_control> limit;
    tbb::task_arena arena;
};

Engine::Engine(const EngineOptions& options) noexcept
    : threads_(options.threads == 0 ? available_cores() : std::min(options.threads, kMaxThreads)) {
    try {
        own_ = std::make_unique<OwnArena>(threads_);
    } catch (...) {  // out of memory
        threads_ = 1;
        return;
    }
    arena_ = {&own_->arena, [](void* arena, void (*work)(void*), void* context) {
                  static_cast<tbb::task_arena*>(arena)->execute([=] { work(context); });
              }};
}

Engine::Engine(Arena arena, std::size_t threads) noexcept : arena_(arena), threads_(threads) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

template <class Work>
void Engine::run(std::size_t cost, const Work& work) const {
    if (threads_ == 1 || cost < kSerialBytes) return work(false);
    arena_.execute(
        arena_.arena, [](void* context) { (*static_cast<const Work*>(context))(true); }, const_cast<Work*>(&work));
}

template <class Work>
PoolStatus Engine::run_pooling(std::size_t cost, const Work& work) const noexcept {
    PoolStatus status;
    try {
        run(cost, [&](bool parallel) { status = work(parallel); });
    } catch (...) {  // oneTBB could not make a task; nothing of ours throws
        status = exec::fault(PoolFault::out_of_memory);
    }
    return status;
}

PoolStatus Engine::pool(const Table& table, const Bags& bags, const PoolOptions& options,
                        const Output& out) const noexcept {
    exec::Plan plan;
    const PoolStatus checked = exec::plan_call(table, bags, options, out, plan);
    if (!checked) return checked;
    return run_pooling(exec::cost_bytes(plan), [&](bool parallel) {
        Smallest first_bad;
        check_indices(plan, parallel, first_bad);
        if (first_bad.get() != Smallest::kNone) return exec::bad_index(plan, first_bad.get());
        PoolStatus done;
        done.skipped = run_plan(plan, parallel);
        return done;
    });
}

PoolStatus Engine::pool(const Model& model, const Request& request, const Output& out) const noexcept {
    exec::BagLayout layout;
    PoolStatus status = check_batch(model, request.offsets);
    if (status) status = exec::check_bags({request.indices, request.offsets, request.weights}, layout);
    if (!status) return status;
    const std::size_t batch = layout.num_bags / model.features().size();
    std::size_t stride = 0;
    status = exec::check_output(out, batch, model.total_dim(), stride);
    const FeatureCalls calls(model, request, layout, out, stride);
    std::size_t cost = 0;
    for (std::size_t f = 0; status && f < calls.count(); ++f) {
        exec::Plan plan;
        status = calls.make(f, plan);
        if (status) cost += exec::cost_bytes(plan);
    }
    if (!status) return status;
    return run_pooling(cost, [&](bool parallel) { return run_request(calls, parallel); });
}

Status Engine::quantize_rows(const Table& source, RowFormat format, std::span<std::byte> out, std::size_t first) const {
    return without_exceptions([&]() -> Status {
        if (Status status = exec::check_quantize(source, format, out); !status) return status;
        const std::size_t step = std::max<std::size_t>(1, kPieceBytes / source.row_stride());
        Smallest bad_row;
        run(source.rows() * source.row_stride(), [&](bool parallel) {
            for_each(parallel, divide_up(source.rows(), step), [&](std::size_t i) {
                const std::size_t last = std::min(source.rows(), (i + 1) * step);
                const std::size_t row = exec::quantize_range(source, format, out, i * step, last);
                if (row < last) bad_row.note(row);
            });
        });
        const std::size_t row = bad_row.get();
        return row == Smallest::kNone ? Status() : exec::bad_row(source, format, row, first + row);
    });
}

}  // namespace rowpool
