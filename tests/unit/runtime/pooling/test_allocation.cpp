// Lookups do not allocate: every operator new of this program is counted.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "rowpool/engine.hpp"
#include "rowpool/quantize.hpp"
#include "tests/support/tables.hpp"

namespace {
std::atomic<std::size_t> allocations = 0;
}

void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    ++allocations;
    const auto align = static_cast<std::size_t>(alignment);
    if (void* memory = std::aligned_alloc(align, (size + align - 1) / align * align)) return memory;
    throw std::bad_alloc();
}
// gcc warns of free() where it inlines these without operator new.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace rowpool::test {
namespace {

/// Allocations, on any thread, while `work` runs.
template <class Work>
std::size_t allocations_of(const Work& work) {
    const std::size_t before = allocations;
    work();
    return allocations - before;
}

/// A table and bags that are worth several threads.
struct Fixture {
    MadeTable made;
    ReferenceBags bags;
    std::vector<std::int64_t> offsets;
    std::vector<float> out;

    Fixture() {
        Random random(77);
        made = make_table(random, RowFormat::int8, 500, 64, 0, Values::tame);
        const std::vector<std::size_t> lengths(1000, 20);
        bags = make_bags(random, lengths, made.rows, 0);
        offsets = as<std::int64_t>(bags.offsets);
        out.resize(1000 * 64);
    }
};

TEST_CASE("allocations are counted") {
    CHECK(allocations_of([] { const std::vector<int> numbers(100); }) == 1);
}

TEST_CASE("pool does not allocate, whether it succeeds or fails") {
    Fixture f;
    const Table table = table_of(f.made);
    bool good = false, bad = true;
    const std::size_t count = allocations_of([&] {
        good = bool(pool(table, Bags(f.bags.indices, f.offsets), {}, f.out));
        bad = bool(pool(table, Bags(f.bags.indices, f.offsets), {.padding_index = 500}, f.out));
    });
    CHECK(good);
    CHECK(!bad);
    CHECK(count == 0);
}

TEST_CASE("rows become floats without scratch memory, whatever the method") {
    const Fixture f;
    const std::vector<float> values(100 * 64, 1.5F);
    const Table table = *Table::view("t", {RowFormat::f32, 100, 64, 0, {}}, std::as_bytes(std::span(values)));
    std::vector<std::byte> out(100 * 64 * 2);
    const auto convert = [&](RowFormat format, QuantizationMethod method) {
        const std::size_t bytes = 100 * row_bytes(format, 64);
        return allocations_of([&] { CHECK(quantize_rows(table, {format, method}, std::span(out).first(bytes))); });
    };
    convert(RowFormat::f16, QuantizationMethod::min_max);  // chooses the instruction set
    CHECK(convert(RowFormat::f16, QuantizationMethod::search) == 0);
    CHECK(convert(RowFormat::bf16, QuantizationMethod::greedy) == 0);
    CHECK(convert(RowFormat::int4, QuantizationMethod::search) == 1);
}

TEST_CASE("an engine does not allocate after its first call") {
    Fixture f;
    const Table table = table_of(f.made);
    const Engine engine({.threads = 2});
    REQUIRE(engine.pool(table, Bags(f.bags.indices, f.offsets), {}, f.out));
    bool good = true;
    const std::size_t count = allocations_of([&] {
        for (int i = 0; i < 100; ++i) good = good && engine.pool(table, Bags(f.bags.indices, f.offsets), {}, f.out);
    });
    CHECK(good);
    CHECK(count == 0);
}

TEST_CASE("a request does not allocate after the first one") {
    Fixture f;
    const auto model = Model::create({{table_of(f.made), {}}, {table_of(f.made), {.mode = Pooling::max}}});
    REQUIRE(model);
    const Request request = {f.bags.indices, f.offsets};
    const Engine engine({.threads = 2});
    REQUIRE(engine.pool(*model, request, f.out));
    bool good = true;
    const std::size_t count = allocations_of([&] {
        for (int i = 0; i < 100; ++i) good = good && engine.pool(*model, request, f.out);
    });
    CHECK(good);
    CHECK(count == 0);
}

}  // namespace
}  // namespace rowpool::test
