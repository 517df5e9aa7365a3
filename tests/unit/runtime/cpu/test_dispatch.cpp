// Which kernels run: all that were compiled in are told apart, the best one that can run is taken, and ROWPOOL_ISA
// takes another or is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "cpu/dispatch.hpp"
#include "rowpool/isa.hpp"
#include "tests/support/in_child.hpp"

namespace rowpool::test {
namespace {

// What a fresh process with ROWPOOL_ISA=isa says.
std::string active_isa_with(const std::string& isa) {
    return in_child_with_isa(isa, [] {
        const auto active = active_isa();
        if (!active) return std::string(to_string(active.error().code)) + ": " + active.error().message;
        return cpu::active_kernels()->isa == *active ? std::string(*active) : std::string("not the kernels it names");
    });
}

std::string names(const std::vector<std::string_view>& isas) {
    std::string joined;
    for (const std::string_view isa : isas) joined += (joined.empty() ? "" : ", ") + std::string(isa);
    return joined;
}

std::set<kernels::PoolFn> pool_functions(const kernels::KernelTable& table) {
    std::set<kernels::PoolFn> functions;
    for (const kernels::CodecKernels* codec : table.codecs) {
        functions.insert({codec->blocks[0], codec->blocks[1], codec->single, codec->any, codec->max});
        if (codec->few[0] != nullptr) functions.insert({codec->few[0], codec->few[1]});
    }
    return functions;
}

TEST_CASE("every table is complete and no two tables share a kernel") {
    std::set<kernels::PoolFn> all;
    for (const kernels::KernelTable* table : cpu::compiled_kernels()) {
        CAPTURE(std::string(table->isa));
        const auto functions = pool_functions(*table);
        CHECK(functions.count(nullptr) == 0);
        const auto have_few = std::ranges::count_if(table->codecs, [](const auto* c) { return c->few[0] != nullptr; });
        CHECK(functions.size() == kernels::kNumCodecs * 5 + static_cast<std::size_t>(have_few) * 2);
        CHECK((table->count_outside[0] != nullptr));
        CHECK((table->count_outside[1] != nullptr));
        CHECK((table->quantize != nullptr));
        const std::size_t before = all.size();
        all.insert(functions.begin(), functions.end());
        CHECK(all.size() == before + functions.size());
    }
}

TEST_CASE("what runs is among what was compiled in, in the same order") {
    const auto compiled = compiled_isas();
    const auto runnable = runnable_isas();
    REQUIRE(!runnable.empty());
    auto next = compiled.begin();
    for (const std::string_view isa : runnable) {
        next = std::find(next, compiled.end(), isa);
        REQUIRE(next != compiled.end());
    }
}

TEST_CASE("the kernels that are asked for by name are the ones of that name") {
    for (const kernels::KernelTable* table : cpu::runnable_kernels()) {
        CHECK(cpu::select_kernels(table->isa).kernels == table);
    }
    CHECK(cpu::select_kernels("").kernels == cpu::runnable_kernels().front());
}

TEST_CASE("ROWPOOL_ISA takes the instruction set that it names") {
    for (const std::string_view isa : runnable_isas()) CHECK(active_isa_with(std::string(isa)) == isa);
}

TEST_CASE("an empty ROWPOOL_ISA takes the best instruction set") {
    CHECK(active_isa_with("") == runnable_isas().front());
}

TEST_CASE("a ROWPOOL_ISA that is no instruction set is refused") {
    for (const std::string isa : {"sse9", "AVX2", "avx2 ", "auto"}) {
        CHECK(active_isa_with(isa) ==
              "unsupported_isa: ROWPOOL_ISA=" + isa +
                  ": no such instruction set in this build; runnable here: " + names(runnable_isas()));
    }
}

TEST_CASE("a ROWPOOL_ISA that this CPU lacks is refused") {
    const auto runnable = runnable_isas();
    for (const std::string_view isa : compiled_isas()) {
        if (std::find(runnable.begin(), runnable.end(), isa) != runnable.end()) continue;
        CHECK(active_isa_with(std::string(isa)) == "unsupported_isa: ROWPOOL_ISA=" + std::string(isa) +
                                                       ": this CPU lacks it; runnable here: " + names(runnable));
    }
}

}  // namespace
}  // namespace rowpool::test
