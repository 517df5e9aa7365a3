// Engines: the same bits as one thread gives, for any number of threads and callers, for single tables and requests;
// the same faults; no thread woken for small calls.
#include <doctest/doctest.h>

#include <oneapi/tbb/task_arena.h>

#include <new>
#include <string>
#include <thread>

#include "rowpool/engine.hpp"
#include "tests/support/tables.hpp"

namespace rowpool::test {
namespace {

using Ids = std::vector<std::int64_t>;
using Floats = std::vector<float>;

/// A call large enough to be cut into many pieces, with what must come out of it.
struct LargeCall {
    MadeTable made;
    Table table;
    ReferenceBags bags;
    Ids offsets;
    Ids lengths;
    PoolOptions options;
    ReferenceResult expected;

    /// Bags have random lengths, or all the same if one is given.
    LargeCall(RowFormat format, Pooling mode, bool weighted, bool remapped = false, std::size_t length = 0)
        : made(make(format, remapped)), table(table_of(made)) {
        Random random(static_cast<std::uint64_t>(format) * 10 + static_cast<std::uint64_t>(mode));
        std::vector<std::size_t> sizes(3000);
        for (std::size_t& size : sizes) size = random.below(10) == 0 ? random.below(200) : random.below(8);
        if (length != 0) sizes.assign(sizes.size(), length);
        bags = make_bags(random, sizes, table.num_ids(), 50);
        if (weighted) bags.weights = make_weights(random, bags.indices.size());
        offsets = as<std::int64_t>(bags.offsets);
        lengths = as<std::int64_t>(sizes);
        // Prefetching looks at indices far ahead, which may be bad.
        options = {.mode = mode, .on_bad_index = OnBadIndex::skip, .prefetch = Prefetch{64}};
        if (mode != Pooling::sum) options.padding_index = 3;
        ReferenceOptions reference = {.mode = mode};
        if (mode != Pooling::sum) reference.padding = 3;
        expected = reference_pool(made.reference, bags, reference);
    }

    static MadeTable make(RowFormat format, bool remapped) {
        Random random(21);
        MadeTable table = make_table(random, format, 200, 48, 0, Values::tame);
        if (remapped) add_remap(random, 500, false, table);
        return table;
    }
    Bags by_offsets() const { return {bags.indices, offsets, bags.weights}; }
    Bags by_starts() const {
        return Bags::starts(bags.indices, std::span(offsets).first(offsets.size() - 1), bags.weights);
    }
    Bags by_lengths() const { return Bags::lengths(bags.indices, lengths, bags.weights); }
};

void check(const Engine& engine, const LargeCall& call, const Bags& bags) {
    Floats out(call.expected.values.size(), -99.0f);
    const PoolStatus status = engine.pool(call.table, bags, call.options, out);
    REQUIRE_MESSAGE(bool(status), status.message());
    CHECK(status.skipped == call.expected.skipped);
    CHECK((out == call.expected.values));
}

/// Stands in for a task_arena and counts how often it is entered.
struct CountingArena {
    int entered = 0;
    template <class Work>
    void execute(const Work& work) {
        ++entered;
        work();
    }
    int max_concurrency() const { return 4; }
};

/// An arena that cannot make a task.
struct FullArena {
    template <class Work>
    void execute(const Work&) {
        throw std::bad_alloc();
    }
    int max_concurrency() const { return 4; }
};

TEST_CASE("the bits are the reference's for every number of threads and way to cut bags") {
    const LargeCall calls[] = {
        {RowFormat::int8, Pooling::sum, true},           {RowFormat::f32, Pooling::mean, false},
        {RowFormat::int4, Pooling::sqrtn, true},         {RowFormat::f16, Pooling::max, false},
        {RowFormat::int8, Pooling::mean, false, true},   {RowFormat::f32, Pooling::sum, true, true},
        {RowFormat::bf16, Pooling::sum, false, false, 3}};
    for (const std::size_t threads : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}}) {
        const Engine engine({.threads = threads});
        CHECK(engine.threads() == threads);
        for (const LargeCall& call : calls) {
            check(engine, call, call.by_offsets());
            check(engine, call, call.by_starts());
            check(engine, call, call.by_lengths());
        }
    }
}

TEST_CASE("fixed bags and plain lookups are cut as well") {
    Random random(9);
    const MadeTable made = make_table(random, RowFormat::bf16, 100, 40, 0, Values::tame);
    const std::vector<std::size_t> sizes(4000, 5);
    const ReferenceBags bags = make_bags(random, sizes, made.rows, 0);
    const Engine engine({.threads = 3});
    Floats out(4000 * 40);
    REQUIRE(engine.pool(table_of(made), Bags::fixed(bags.indices, 4000, 5), {.mode = Pooling::sum}, out));
    CHECK((out == reference_pool(made.reference, bags, {.mode = Pooling::sum}).values));
    out.resize(20000 * 40);
    REQUIRE(engine.pool(table_of(made), Bags::rows(bags.indices), {.mode = Pooling::none}, out));
    Floats alone(out.size());
    REQUIRE(pool(table_of(made), Bags::rows(bags.indices), {.mode = Pooling::none}, alone));
    CHECK((out == alone));
}

TEST_CASE("bags so large that slices begin and end within the last of a feature") {
    Random random(10);
    const MadeTable made = make_table(random, RowFormat::f32, 1000, 16, 0, Values::tame);
    const Table table = table_of(made);
    const std::vector<std::vector<std::size_t>> shapes = {
        {20000}, {0, 20000}, {20000, 0}, {3, 20000, 0, 2}, {1, 1, 9000}};
    for (const std::vector<std::size_t>& sizes : shapes) {
        const ReferenceBags bags = make_bags(random, sizes, made.rows, 0);
        const Ids offsets = as<std::int64_t>(bags.offsets), lengths = as<std::int64_t>(sizes);
        const Floats expected = reference_pool(made.reference, bags, {.mode = Pooling::sum}).values;
        for (const std::size_t threads : {std::size_t{2}, std::size_t{5}}) {
            const Engine engine({.threads = threads});
            Floats out(sizes.size() * 16);
            REQUIRE(engine.pool(table, Bags(bags.indices, offsets), {.mode = Pooling::sum}, out));
            CHECK((out == expected));
            REQUIRE(engine.pool(table, Bags::lengths(bags.indices, lengths), {.mode = Pooling::sum}, out));
            CHECK((out == expected));
        }
    }
}

TEST_CASE("an engine works in a borrowed task_arena") {
    tbb::task_arena arena(2);
    const Engine engine(arena);
    CHECK(engine.threads() <= 2);  // fewer when oneTBB has no more
    const LargeCall call(RowFormat::int8, Pooling::mean, false);
    check(engine, call, call.by_offsets());
}

TEST_CASE("an engine that was moved works on") {
    Engine first({.threads = 2});
    const Engine second(std::move(first));
    const LargeCall call(RowFormat::int2, Pooling::sum, false);
    check(second, call, call.by_lengths());
}

TEST_CASE("an engine without options has a thread for a core or more") { CHECK(Engine().threads() >= 1); }

TEST_CASE("several callers share an engine") {
    const Engine engine({.threads = 3});
    const LargeCall call(RowFormat::int8, Pooling::mean, true);
    std::vector<Floats> outs(4, Floats(call.expected.values.size()));
    std::vector<std::thread> callers;
    for (Floats& out : outs) {
        callers.emplace_back([&] {
            for (int i = 0; i < 20; ++i) {
                if (!engine.pool(call.table, call.by_offsets(), call.options, out)) return;
            }
        });
    }
    for (std::thread& caller : callers) caller.join();
    for (const Floats& out : outs) CHECK((out == call.expected.values));
}

TEST_CASE("only large calls enter the arena") {
    CountingArena arena;
    const Engine engine(arena);
    const Floats values = {1, 2};
    Floats out(2);
    REQUIRE(engine.pool(f32_table(values, 2), Bags::rows(Ids{0}), {.mode = Pooling::sum}, out));
    CHECK(arena.entered == 0);
    const LargeCall call(RowFormat::f32, Pooling::sum, false);
    check(engine, call, call.by_offsets());
    CHECK(arena.entered == 1);
}

TEST_CASE("where an arena cannot make a task the caller works alone") {
    FullArena arena;
    const Engine engine(arena);
    const LargeCall call(RowFormat::f32, Pooling::sum, false);
    check(engine, call, call.by_offsets());
}

TEST_CASE("of many bad indices the first is named, and nothing is written") {
    const LargeCall call(RowFormat::f32, Pooling::sum, false);
    const std::string expected = fault_of(call.table, call.by_offsets(), {}).message();
    for (const std::size_t threads : {std::size_t{1}, std::size_t{4}}) {
        Floats out(call.expected.values.size(), -99.0f);
        const PoolStatus status = Engine({.threads = threads}).pool(call.table, call.by_offsets(), {}, out);
        CHECK(status.fault == PoolFault::index);
        CHECK(status.message() == expected);
        CHECK((out == Floats(out.size(), -99.0f)));
    }
}

TEST_CASE("faults of single tables are those of pool()") {
    const Floats values = {1, 2};
    const Table table = f32_table(values, 1, "item_id");
    const Ids indices = {0, 1};
    Floats out(10, -99.0f);
    const Engine engine({.threads = 2});
    CHECK(engine.pool(table, Bags(indices, Ids{0, 1}), {}, out).message() ==
          "table item_id, the last offset is 1, but there are 2 indices");
    CHECK(engine.pool(table, Bags(indices, Ids{0, 2}), {.padding_index = 2}, out).message() ==
          "table item_id, padding index 2 is outside its 2 ids");
    CHECK(out == Floats(10, -99.0f));
}

}  // namespace
}  // namespace rowpool::test
