// The pooling kernels of every instruction set that can run here give the reference's bits, whatever the row format,
// dim, bag length, index type, way to cut bags, pooling, weights, remap, output type and memory around the buffers.
#include <doctest/doctest.h>
#include <sys/mman.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>

#include "cpu/dispatch.hpp"
#include "rowpool/isa.hpp"
#include "tests/support/grid.hpp"
#include "tests/support/kernel_call.hpp"

namespace rowpool::test {
namespace {

constexpr std::size_t kRows = 23;
constexpr std::size_t kIds = 40;  // of tables with a remap
constexpr Pooling kModes[] = {Pooling::none, Pooling::sum, Pooling::mean, Pooling::sqrtn, Pooling::max};
constexpr OutputType kTypes[] = {OutputType::f32, OutputType::f16, OutputType::bf16};

bool takes_weights(Pooling mode) { return mode != Pooling::none && mode != Pooling::max; }

/// Splits a number into digits, to number the points of a grid.
class Digits {
public:
    explicit Digits(std::size_t number) : rest_(number) {}
    std::size_t take(std::size_t base) {
        const std::size_t digit = rest_ % base;
        rest_ /= base;
        return digit;
    }
    bool flag() { return take(2) != 0; }

private:
    std::size_t rest_;
};

/// What varies beside format, dim, mode and weights.
struct Variant {
    CallForm form;
    Values values = Values::tame;
    bool bad_indices = false;
    bool remapped = false;
    std::size_t fixed_length = 3;  ///< of fixed bags
};
constexpr std::size_t kVariants = std::size_t{3} * 4 * 5 * 2 * 2 * 2 * 2 * 2 * 2;

Variant variant(std::size_t number, Pooling mode) {
    Digits digits(number);
    Variant v;
    v.form.mode = mode;
    v.form.type = kTypes[digits.take(3)];
    const std::size_t bounds = digits.take(4);
    v.form.bounds = mode == Pooling::none ? Bounds::fixed : static_cast<Bounds>(bounds);
    const std::size_t left_out = digits.take(5);  // nothing, padding, bad indices too, pruned ids, pruned ids too
    v.values = digits.flag() ? Values::hostile : Values::tame;
    v.form.wide_indices = digits.flag();
    v.form.wide_bounds = digits.flag();
    v.form.divisor = digits.flag() ? Divisor::bag_length : Divisor::rows_taken;
    v.form.guard = digits.flag() ? Guard::before : Guard::after;
    v.form.in_two_parts = digits.flag();
    v.bad_indices = left_out == 2 || left_out == 4;
    v.remapped = left_out >= 3;
    v.form.filtering = left_out != 0;
    if (left_out != 0 && left_out != 3 && mode != Pooling::none) v.form.padding = 5;
    v.form.out_gap = number / 5 % 4;
    v.form.prefetch_distance = number / 7 % 3 * 7;
    v.form.prefetch_to_second_level = number / 11 % 2 == 0;
    static constexpr std::size_t kRuns[] = {0, 1, 64, 256, 1024, ~std::size_t{0}};  // those of least_run_for()
    v.form.least_run = kRuns[number / 13 % 6];
    v.form.bytes_at_once = number / 23 % 2 == 0 ? ~std::uint32_t{0} : 6144;
    v.form.prefetch_results = number / 17 % 2 == 0;
    v.form.has_small_l1 = number / 19 % 2 == 0;
    return v;
}

std::vector<std::size_t> lengths_for(const Variant& v, const std::vector<std::size_t>& lengths) {
    if (v.form.mode == Pooling::none) return std::vector<std::size_t>(lengths.size(), 1);
    if (v.form.bounds == Bounds::fixed) return std::vector<std::size_t>(lengths.size(), v.fixed_length);
    return lengths;
}

/// Compares every runnable kernel with the reference at one point of the grid.
void check_point(RowFormat format, std::size_t dim, bool weighted, const Variant& v,
                 const std::vector<std::size_t>& lengths, std::size_t seed) {
    Random random(seed);
    MadeTable table = make_table(random, format, kRows, dim, seed % 3, v.values);
    if (v.remapped) add_remap(random, kIds, v.values == Values::hostile, table);
    ReferenceBags bags = make_bags(random, lengths_for(v, lengths), v.remapped ? kIds : kRows, v.bad_indices ? 4 : 0);
    if (weighted) bags.weights = make_weights(random, bags.indices.size());
    const KernelCall call(table, bags, v.form);
    for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
        const std::string difference = call.difference(*kernels);
        INFO(to_string(format), ", dim ", dim, std::string(weighted ? ", weighted, " : ", "), describe(v.form),
             std::string(v.remapped ? ", remapped" : ""), ", seed ", seed);
        REQUIRE(difference == "");
    }
}

TEST_CASE("instruction sets that are compiled in but cannot run here are named") {
    const auto runnable = runnable_isas();
    for (const std::string_view isa : compiled_isas()) {
        const bool runs = std::find(runnable.begin(), runnable.end(), isa) != runnable.end();
        const std::string outcome = std::string(isa) + (runs ? ": tested" : ": SKIPPED, this CPU lacks it");
        MESSAGE(outcome);
    }
    CHECK(!runnable.empty());
}

// Every format, mode and dim with bags of all lengths; the other axes are visited in turn, with a step that is coprime
// to their number, so that every combination of any two of them comes up.
TEST_CASE("every format, pooling and dim equals the reference") {
    const std::size_t repeats = small_grid() ? 1 : 6;
    std::size_t number = 0;
    for (const RowFormat format : all_row_formats()) {
        for (const Pooling mode : kModes) {
            for (const std::size_t dim : grid_dims()) {
                for (std::size_t i = 0; i < repeats * (takes_weights(mode) ? 2 : 1); ++i) {
                    ++number;
                    const bool weighted = takes_weights(mode) && i % 2 != 0;
                    check_point(format, dim, weighted, variant(number * 1009 % kVariants, mode), grid_lengths(),
                                number);
                }
            }
        }
    }
}

TEST_CASE("every combination of call forms equals the reference at one dim") {
    const std::size_t step = small_grid() ? 41 : 1;
    const std::vector<std::size_t> lengths = {0, 1, 2, 5, 0, 3};
    for (const RowFormat format : all_row_formats()) {
        for (const Pooling mode : kModes) {
            for (std::size_t number = 0; number < kVariants; number += step) {
                check_point(format, 21, false, variant(number, mode), lengths, number);
                if (takes_weights(mode)) check_point(format, 21, true, variant(number, mode), lengths, number);
            }
        }
    }
}

// Every dim ends at another column of a vector, a block (of up to 448 columns) and a page; guard pages are at either
// end in turn.
TEST_CASE("every dim up to 480 equals the reference, and stays within its memory") {
    std::size_t number = 0;
    for (const RowFormat format : all_row_formats()) {
        for (std::size_t dim = 1; dim <= 480; dim += std::size_t{small_grid() ? 13u : 1u}) {
            const Pooling mode = kModes[++number % std::size(kModes)];
            const bool weighted = takes_weights(mode) && number % 2 == 0;
            check_point(format, dim, weighted, variant(number * 1009 % kVariants, mode), {1, 0, 4, 9}, number);
            // So many rows a bag that forms pay (forms.hpp), in kernels that filter nothing.
            Variant v;
            v.form.mode = weighted ? Pooling::sum : Pooling::mean;
            v.form.guard = number % 3 == 0 ? Guard::before : Guard::after;
            v.form.type = kTypes[number % 3];
            v.form.in_two_parts = number % 5 < 2;
            v.values = number % 4 == 0 ? Values::hostile : Values::tame;
            check_point(format, dim, weighted, v, {30, 0, 11}, number);
        }
    }
}

TEST_CASE("random shapes equal the reference") {
    const std::size_t shapes = small_grid() ? 40 : 1500;
    Random random(10);
    for (std::size_t shape = 0; shape < shapes; ++shape) {
        const RowFormat format = all_row_formats()[random.below(all_row_formats().size())];
        const Pooling mode = random.pick(kModes);
        const std::size_t dim = 1 + random.below(std::size_t{1} << (1 + random.below(12)));
        const bool weighted = takes_weights(mode) && random.below(2) == 0;
        std::vector<std::size_t> lengths(random.below(random.below(8) == 0 ? 200 : 50));
        const std::size_t longest = 1 + random.below(random.below(2) == 0 ? 12 : 50);
        for (std::size_t& length : lengths) length = random.below(longest);
        check_point(format, dim, weighted, variant(random.below(kVariants), mode), lengths, shape);
    }
}

TEST_CASE("sums and means of one row each equal the reference, to every type of output") {
    std::size_t number = 0;
    for (const RowFormat format : all_row_formats()) {
        for (const std::size_t dim : {1u, 3u, 7u, 8u, 9u, 15u, 16u, 17u, 33u, 100u, 257u}) {
            for (const OutputType type : kTypes) {
                for (const Pooling mode : {Pooling::sum, Pooling::mean, Pooling::sqrtn}) {
                    Variant v;
                    v.form.mode = mode;
                    v.form.type = type;
                    v.form.bounds = Bounds::fixed;
                    v.form.guard = ++number % 2 == 0 ? Guard::before : Guard::after;
                    v.form.in_two_parts = number % 5 < 2;
                    v.values = Values::hostile;
                    v.fixed_length = 1;
                    check_point(format, dim, false, v, std::vector<std::size_t>(40), number);
                    if (mode == Pooling::sum) check_point(format, dim, true, v, std::vector<std::size_t>(40), number);
                }
            }
        }
    }
}

// A block is done for 64 bags at a time, or for fewer that have so many bytes of rows: 40 columns are two blocks of
// generic and NEON, 150 of AVX2, 600 of AVX-512.
TEST_CASE("more bags than are done at a time equal the reference") {
    constexpr std::uint32_t kBytesAtOnce[] = {0, 1000, 30000, ~std::uint32_t{0}};
    std::size_t number = 0;
    Random random(3);
    for (const RowFormat format : all_row_formats()) {
        for (const std::size_t dim : {40u, 150u, 500u, 600u, 1000u}) {
            for (const Bounds bounds : {Bounds::offsets, Bounds::lengths, Bounds::fixed}) {
                for (const bool weighted : {false, true}) {
                    Variant v;
                    v.form.mode = random.below(2) == 0 ? Pooling::sum : Pooling::mean;
                    v.form.least_run = random.below(2) == 0 ? 0 : ~std::size_t{0};
                    v.form.bytes_at_once = random.pick(kBytesAtOnce);
                    v.form.bounds = bounds;
                    v.form.in_two_parts = ++number % 2 == 0;
                    v.fixed_length = 2;
                    std::vector<std::size_t> lengths(130);
                    for (std::size_t& length : lengths) length = random.below(4);
                    check_point(format, dim, weighted, v, lengths, number);
                }
            }
        }
    }
}

// Up to eight rows that are about as wide as a block, or wider, are read side by side; the dims are those of AVX2 and
// AVX-512. Among the bags are longer ones, empty ones, several of one length and, of hostile rows, such with sums that
// overflow in some form, or are NaN.
TEST_CASE("short bags of wide rows equal the reference, of every length") {
    std::size_t number = 0;
    Random random(11);
    constexpr Bounds kBounds[] = {Bounds::offsets, Bounds::starts, Bounds::lengths, Bounds::fixed};
    constexpr std::size_t kDistances[] = {0, 1, 3, 7};
    constexpr Pooling kUnweighted[] = {Pooling::sum, Pooling::sum, Pooling::mean, Pooling::sqrtn};
    // At most four rows in the mean, which calls of long blocks must have.
    const std::vector<std::size_t> lengths = {1, 2, 3, 0, 0, 4, 5, 5, 6, 7, 8, 8, 0, 9, 9, 1, 3, 3, 1, 0, 2, 4, 4};
    for (const RowFormat format : all_row_formats()) {
        for (const std::size_t dim :
             {99u, 113u, 114u, 131u, 145u, 146u, 393u, 449u, 450u, 451u, 479u, 513u, 1023u, 2050u}) {
            for (const Values values : {Values::tame, Values::hostile}) {
                for (const bool weighted : {false, true}) {
                    Variant v;
                    ++number;
                    v.values = values;
                    v.form.mode = weighted ? Pooling::sum : random.pick(kUnweighted);
                    v.form.type = random.below(2) == 0 ? OutputType::f32 : random.pick(kTypes);
                    v.form.bounds = random.pick(kBounds);
                    v.fixed_length = number % 10;
                    v.form.wide_indices = random.below(2) == 0;
                    v.form.guard = random.below(2) == 0 ? Guard::before : Guard::after;
                    v.form.out_gap = random.below(3);
                    v.form.prefetch_distance = random.pick(kDistances);
                    v.form.prefetch_results = random.below(2) == 0;
                    v.form.least_run = ~std::size_t{0};
                    check_point(format, dim, weighted, v, lengths, number);
                }
            }
        }
    }
}

// There is a kernel for every number of vectors up to 8, and for four numbers each up to 16: of AVX-512, 256 columns.
TEST_CASE("lookups of one row each of every dim up to 260 equal the reference") {
    std::size_t number = 0;
    Random random(12);
    for (const RowFormat format : all_row_formats()) {
        for (std::size_t dim = 1; dim <= 260; dim += std::size_t{small_grid() ? 7u : 1u}) {
            for (const bool weighted : {false, true}) {
                Variant v;
                ++number;
                v.form.mode = weighted || random.below(2) == 0 ? Pooling::sum : Pooling::none;
                const OutputType own = kernels::own_type(kernels::codec_of(format));
                v.form.type = random.below(3) != 0 ? own : random.pick(kTypes);
                v.form.bounds = Bounds::fixed;
                v.fixed_length = 1;
                v.values = random.below(2) == 0 ? Values::tame : Values::hostile;
                v.form.wide_indices = random.below(2) == 0;
                v.form.guard = random.below(2) == 0 ? Guard::before : Guard::after;
                v.form.out_gap = random.below(2) * random.below(3);
                v.form.in_two_parts = random.below(2) == 0;
                v.form.prefetch_distance = random.below(2) * 7;
                v.form.prefetch_to_second_level = random.below(2) == 0;
                v.form.has_small_l1 = random.below(2) == 0;
                v.form.prefetch_results = random.below(2) == 0;
                check_point(format, dim, weighted, v, std::vector<std::size_t>(20), number);
            }
        }
    }
}

// Offsets are counted from the first index of all, wherever a call begins.
TEST_CASE("offsets past 2^32 are read whole") {
    constexpr std::size_t kFirst = std::size_t{1} << 32, kBytes = (kFirst + 4) * sizeof(std::int32_t);
    void* const pages =
        ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    static_cast<std::int32_t*>(pages)[kFirst + 2] = 1;
    const float rows[] = {1, 10};
    const std::int64_t offsets[] = {kFirst + 3, kFirst + 4};  // bags of three rows and of one
    for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
        float out[2] = {};
        kernels::PoolArgs args = {};
        args.rows.data = reinterpret_cast<const std::byte*>(rows);
        args.rows.count = args.rows.ids = 2;
        args.rows.stride = args.rows.bytes = sizeof(float);
        args.rows.lines = args.rows.dim = 1;
        args.rows.padding = -1;
        args.indices = pages;
        args.ends = {.kind = kernels::BagEnds::Kind::offsets, .wide = true, .values = offsets, .length = 0};
        args.last_bag = 2;
        args.position = kFirst;
        args.end = kFirst + 4;
        args.pooling = Pooling::sum;
        args.out = out;
        args.out_stride = 1;
        args.out_type = OutputType::f32;
        kernels::pool_function(*kernels, kernels::Codec::f32, args)(args);
        CHECK(out[0] == 12);
        CHECK(out[1] == 1);
    }
    ::munmap(pages, kBytes);
}

TEST_CASE("the widest rows equal the reference") {
    for (const RowFormat format : all_row_formats()) {
        for (const Pooling mode : {Pooling::mean, Pooling::max}) {
            check_point(format, kMaxDim, false, variant(0, mode), {0, 1, 2}, 1);
            check_point(format, kMaxDim - 1, false, variant(1, mode), {2, 1}, 2);
        }
    }
}

// Sums are kept for at most 2,048 columns at once. Of rows of more, blocks are about equal, multiples of 32 to 256
// columns but for the last: of the widest of these, that is less than a vector of some instruction set.
TEST_CASE("the last columns of wide rows are read within the row") {
    const std::vector<std::size_t> lengths = {0, 1, 20, 3};
    for (const RowFormat format : all_row_formats()) {
        for (const std::size_t dim : {2049u, 2561u, 4097u, 14339u, 30727u, 63489u}) {
            for (const Pooling mode : {Pooling::sum, Pooling::mean, Pooling::max}) {
                Variant v;
                v.form.mode = mode;
                v.form.filtering = mode == Pooling::mean;
                v.form.least_run = ~std::size_t{0};  // sums of whole rows, not of blocks in registers
                v.form.prefetch_distance = 7;        // past the end of some bags, and not of others
                v.form.prefetch_to_second_level = mode == Pooling::sum;
                v.values = mode == Pooling::sum ? Values::hostile : Values::tame;
                check_point(format, dim, mode == Pooling::mean, v, lengths, dim);
            }
        }
    }
}

TEST_CASE("a table all of whose ids are pruned gives zeros") {
    Random random(5);
    for (const Pooling mode : kModes) {
        MadeTable table = make_table(random, RowFormat::int8, 0, 20, 0, Values::tame);
        table.reference.remap = {-1, 0, -1};
        const std::vector<std::size_t> lengths(4, 1);
        const KernelCall call(table, make_bags(random, lengths, 3, 0), {.mode = mode, .filtering = true});
        for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) CHECK(call.difference(*kernels) == "");
    }
}

TEST_CASE("a call without bags writes nothing") {
    for (const RowFormat format : all_row_formats()) {
        for (const Pooling mode : kModes) check_point(format, 8, false, variant(0, mode), {}, 3);
    }
}

TEST_CASE_TEMPLATE("indices outside the table are counted", Index, std::int32_t, std::int64_t) {
    using Limits = std::numeric_limits<Index>;
    Random random(7);
    static constexpr std::size_t kCounts[] = {0, 1, 5, 16, 17, 100, 70000};
    for (const std::size_t count : kCounts) {
        std::vector<Index> indices(count);
        std::size_t outside = 0;
        for (Index& index : indices) {
            static constexpr Index kOutside[] = {-1, 10, 11, Limits::min(), Limits::max()};
            const bool is_outside = random.below(3) == 0;
            index = is_outside ? random.pick(kOutside) : static_cast<Index>(random.below(10));
            outside += is_outside ? 1 : 0;
        }
        const GuardedBuffer buffer(std::span<const Index>{indices});
        for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
            CAPTURE(std::string(kernels->isa));
            CHECK(kernels->count_outside[sizeof(Index) == 8](buffer.data(), count, 10) == outside);
        }
    }
}

TEST_CASE("a table of more than 2^31 rows takes every int32 index that is not negative") {
    const std::vector<std::int32_t> indices = {0, std::numeric_limits<std::int32_t>::max(), -1};
    for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
        CHECK(kernels->count_outside[0](indices.data(), indices.size(), std::size_t{1} << 40) == 1);
    }
}

TEST_CASE_TEMPLATE("offsets that fall or are negative are found, wherever they are", Offset, std::int32_t,
                   std::int64_t) {
    using Limits = std::numeric_limits<Offset>;
    Random random(8);
    static constexpr std::size_t kCounts[] = {1, 2, 3, 5, 16, 17, 33, 100, 1000};
    for (const std::size_t count : kCounts) {
        for (int round = 0; round < 20; ++round) {
            std::vector<Offset> offsets(count);
            Offset next = 0;
            for (Offset& offset : offsets) offset = next += static_cast<Offset>(random.below(3));
            const std::size_t at = random.below(count);
            static constexpr Offset kOther[] = {-1, 0, 1, Limits::min(), Limits::max()};
            if (round % 4 != 0) offsets[at] = random.pick(kOther);
            const bool expected = offsets.front() >= 0 && std::is_sorted(offsets.begin(), offsets.end());
            const GuardedBuffer buffer(std::span<const Offset>{offsets});
            for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
                CAPTURE(std::string(kernels->isa));
                CHECK(kernels->never_fall[sizeof(Offset) == 8](buffer.data(), count) == expected);
            }
        }
    }
}

TEST_CASE_TEMPLATE("a sequence of bag ends is told from one with another end", End, std::int32_t, std::int64_t) {
    static constexpr std::size_t kCounts[] = {0, 1, 2, 15, 16, 17, 100};
    for (const std::size_t count : kCounts) {
        for (const std::int64_t step : {0, 1}) {
            for (std::size_t other = 0; other <= count; ++other) {  // none for `count`
                std::vector<End> ends(count);
                for (std::size_t i = 0; i < count; ++i) ends[i] = static_cast<End>(7 + static_cast<End>(i) * step);
                if (other < count) ends[other] ^= End{1} << (other % (8 * sizeof(End) - 1));
                const GuardedBuffer buffer(std::span<const End>{ends});
                for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
                    CAPTURE(std::string(kernels->isa));
                    CHECK(kernels->are_sequence[sizeof(End) == 8](buffer.data(), count, 7, step) == (other == count));
                }
            }
        }
    }
}

}  // namespace
}  // namespace rowpool::test
