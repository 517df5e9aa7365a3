// The rules of prefetching and of the order of reads; docs/TUNING.md explains them and the measurements behind them.
#include "pooling/prefetch.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "core/row_layout.hpp"
#include "cpu/dispatch.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/rows.hpp"
#include "pooling/result_stream.hpp"
#include "rowpool/types.hpp"

namespace rowpool::pooling {
namespace {

using Into = Prefetch::Into;

constexpr std::size_t kLine = 64;  // bytes of a cache line, on all CPUs that we know
constexpr std::size_t kAfar = 32;  // most rows of several lines from memory that are on their way to L2

/// The size of a cache of this machine, or that of most servers where the system does not report it.
std::size_t cache_bytes(int name, std::size_t otherwise) noexcept {
    const long bytes = sysconf(name);
    return bytes > 0 ? static_cast<std::size_t>(bytes) : otherwise;
}

/// The size of the L3 cache that cores share, from Linux: sysconf adds up all of a socket. That of most servers where
/// the system does not say.
std::size_t third_level_bytes() noexcept {
    std::size_t kib = std::size_t{32} << 10;
    const int file = ::open("/sys/devices/system/cpu/cpu0/cache/index3/size", O_RDONLY | O_CLOEXEC);
    if (file < 0) return kib << 10;
    char text[32];  // such as 32768K
    const ssize_t length = ::read(file, text, sizeof text);
    ::close(file);
    if (length > 0) std::from_chars(text, text + length, kib);
    return kib << 10;
}

/// How many rows that follow one another at `stride` bytes, not 0, fit in L1 whatever their indices. Lines at equal
/// offsets in a page share a set, which has as many ways as L1 has pages: rows a page apart, or half of one, share few
/// sets. Half of the ways are counted, because chance decides which of them a row is in.
std::size_t most_rows_in_sets(std::size_t stride, const Caches& caches) noexcept {
    constexpr std::size_t kPage = 4096;
    const std::size_t power_of_two = stride & (~stride + 1);  // the largest one that divides the stride
    const std::size_t offsets = kPage / std::min(kPage, power_of_two);
    return caches.first_level / kPage * offsets / 2;
}

/// Whether L3 has the tables for certain.
bool fit_quarter_of_third_level(std::size_t footprint, const Caches& caches) noexcept {
    return footprint <= caches.third_level / 4;
}

/// Whether L3 has the tables; it has other users, too.
bool fit_third_level(std::size_t footprint, const Caches& caches) noexcept {
    return footprint <= caches.third_level / 2;
}

/// Whether so little of the tables is in L2 that most rows come from beyond, even by a Zipf law. Of tables a little
/// larger than L2, most of the rows that are looked up are still there.
bool exceed_second_level(std::size_t footprint, const Caches& caches) noexcept {
    return footprint > 4 * caches.second_level;
}

/// The fewest blocks that rows are cut into; 0 where this CPU has no kernels.
std::size_t fewest_blocks(const Table& table) noexcept {
    const kernels::KernelTable* const kernels = cpu::active_kernels();
    return kernels == nullptr ? 0 : (table.dim() + kernels->block_dim - 1) / kernels->block_dim;
}

/// The bytes of the widest block that there is; 0 where this CPU has no kernels.
std::size_t widest_block_bytes(const Table& table) noexcept {
    const kernels::KernelTable* const kernels = cpu::active_kernels();
    if (kernels == nullptr) return 0;
    return kernels::bytes_of_block(*kernels, row_bytes(table.format(), table.dim()), table.dim());
}

/// The mean bytes of the blocks of rows that are wider than one; otherwise 0.
std::size_t block_bytes(const Table& table) noexcept {
    const kernels::KernelTable* const kernels = cpu::active_kernels();
    if (kernels == nullptr || table.dim() <= kernels->one_block_dim) return 0;
    return row_bytes(table.format(), table.dim()) / fewest_blocks(table);
}

/// Whether rows have so many lines that L1 holds few of them.
bool are_long(const Table& table, const Caches& caches) noexcept {
    const std::size_t lines = has_small_l1(caches) ? 16 : 20;
    return row_bytes(table.format(), table.dim()) > lines * kLine;
}

/// Whether L2 has 2 MiB or more, beside an L1 that is not small, as on Sapphire Rapids. There, L3 takes long, and the
/// hardware brings the lines that follow a prefetched one late, but into an L2 that keeps them (docs/TUNING.md, "A
/// large L2").
bool has_large_l2(const Caches& caches) noexcept {
    return !has_small_l1(caches) && caches.second_level >= std::size_t{2} << 20;
}

/// Whether rows come from L2 fast enough without prefetching. Where L1 is large, so is the number of instructions that
/// a core has under way: those of some twenty rows of at most a line. Decoding takes more of them: rows of codes are
/// prefetched once the tables fill half of L2, which has other users, such as results, or most of it if rows have few
/// columns; those of many codes a byte in any case. Of a large L2, half is kept for others.
bool need_no_prefetch(const Table& table, std::size_t footprint, const Caches& caches) noexcept {
    constexpr std::size_t kFewColumns = 16, kManyColumns = 48;
    const kernels::Codec codec = kernels::codec_of(table.format());
    if (has_small_l1(caches) || row_bytes(table.format(), table.dim()) > kLine) return false;
    if (kernels::are_parts_of_bytes(codec) && table.dim() >= kManyColumns) return false;
    const std::size_t usual_quarters = !kernels::are_codes(codec) ? 4 : table.dim() < kFewColumns ? 3 : 2;
    const std::size_t quarters = has_large_l2(caches) ? 2 : usual_quarters;
    return footprint <= caches.second_level / 4 * quarters;
}

/// How many lines may be on their way to L1. From memory more: by a Zipf law most rows are near, and pass faster than
/// those from afar arrive. From near fewer were measured to be faster with a small L1.
std::size_t most_lines_under_way(std::size_t footprint, const Caches& caches) noexcept {
    const std::size_t lines = caches.first_level / kLine;
    if (has_small_l1(caches)) return fit_quarter_of_third_level(footprint, caches) ? lines * 3 / 16 : lines / 4;
    return fit_third_level(footprint, caches) ? lines / 4 : lines / 3;
}

/// How many rows of so many lines, at most `most`, may be on their way to L2 with a small L1. L2 has room for more
/// lines than L1: up to two thirds of L1's, where rows of several lines need them.
std::size_t rows_under_way_to_second_level(std::size_t lines, std::size_t most, const Caches& caches) noexcept {
    return std::min(most, caches.first_level / kLine * 2 / 3 / lines);
}

/// Whether rows that are not near are read by blocks with a small L1: where that takes few passes, because nothing of a
/// row is near from one to the next, and what the hardware prefetches after a block is fetched in vain. (f32 from L3:
/// in any number of passes, because its blocks are the simplest.)
bool suit_blocks_from_afar(const Table& table, std::size_t footprint, const Caches& caches) noexcept {
    constexpr std::size_t kFew = 4, kFewFromThirdLevel = 5, kMostBytes = 2048;
    const kernels::Codec codec = kernels::codec_of(table.format());
    const std::size_t blocks = fewest_blocks(table);
    const bool is_third_level = fit_third_level(footprint, caches);
    if (codec == kernels::Codec::f32) return is_third_level || blocks <= kFew;
    if (kernels::are_codes(codec)) {
        return blocks <= kFew && !are_long(table, caches) && widest_block_bytes(table) >= kLine;
    }
    if (is_third_level) return blocks <= kFewFromThirdLevel;
    return blocks <= kFew && row_bytes(table.format(), table.dim()) <= kMostBytes;
}

/// Whether rows were measured to be faster as a whole than by blocks with a large L2, from anywhere: those of f16 in
/// many blocks of two or three lines each, as on AVX2. (Of bf16, f32 and codes they were not.)
bool are_slow_blocks(const Table& table) noexcept {
    constexpr std::size_t kMany = 5;
    const std::size_t lines = widest_block_bytes(table) / kLine;
    return kernels::codec_of(table.format()) == kernels::Codec::f16 && fewest_blocks(table) >= kMany &&
           (lines == 2 || lines == 3);
}

/// The bytes of a block, of a table whose rows are read from beyond L2 and by blocks that may be long enough for that;
/// otherwise 0.
std::size_t run_of_blocks(const Table& table, std::size_t footprint, const Caches& caches) noexcept {
    const std::size_t bytes = block_bytes(table);
    if (bytes == 0 || !exceed_second_level(footprint, caches)) return 0;
    const std::size_t least_run = least_run_for(table, footprint, caches);
    return least_run == 0 || widest_block_bytes(table) < least_run ? 0 : bytes;
}

/// The least distance: more rows if those that come from L3 are near and read by blocks of few lines.
std::size_t least_distance(const Table& table, std::size_t footprint, const Caches& caches) noexcept {
    constexpr std::size_t kLeast = 8, kFromThirdLevel = 16;
    const std::size_t bytes = block_bytes(table);
    if (!has_small_l1(caches) || !exceed_second_level(footprint, caches) || bytes < kLine) return kLeast;
    if (least_run_for(table, footprint, caches) != 0) return kLeast;
    return std::clamp(caches.first_level / kLine / 4 / (bytes / kLine + 1), kLeast, kFromThirdLevel);
}

}  // namespace

const Caches& own_caches() noexcept {
    static const Caches caches = {cache_bytes(_SC_LEVEL1_DCACHE_SIZE, std::size_t{32} << 10),
                                  cache_bytes(_SC_LEVEL2_CACHE_SIZE, std::size_t{1} << 20), third_level_bytes()};
    return caches;
}

bool has_small_l1(const Caches& caches) noexcept { return caches.first_level < std::size_t{48} << 10; }

std::size_t lines_of_row(const Table& table) noexcept {
    const std::size_t starts = reinterpret_cast<std::uintptr_t>(table.data()) | table.row_stride() | kLine;
    const std::size_t alignment = starts & (~starts + 1);
    return (kLine - alignment + row_bytes(table.format(), table.dim()) - 1) / kLine + 1;
}

std::size_t bytes_behind(const Table& table) noexcept {
    return table.rows() * table.row_stride() + table.remap().size_bytes();
}

Prefetch prefetch_for(const Table& table, std::size_t footprint, const Caches& caches) noexcept {
    if (bytes_behind(table) <= caches.first_level) return {0, Into::first_level};
    if (need_no_prefetch(table, footprint, caches)) return {0, Into::first_level};
    // What matters is the number of lines under way, and wide rows have more lines; of rows that are read by blocks,
    // only a block's lines.
    const bool is_near = fit_quarter_of_third_level(footprint, caches), is_small = has_small_l1(caches);
    const std::size_t lines_under_way = most_lines_under_way(footprint, caches);
    const std::size_t run = run_of_blocks(table, footprint, caches);
    const std::size_t lines = run != 0 ? run / kLine + 1 : lines_of_row(table);
    // From near, farther ahead than needed was measured to be up to 10 % slower. With a small L1 the longer distance,
    // of rows of one or two lines, is 1 to 5 % slower, and up to 15 % faster where other memory is written between
    // calls.
    const bool fit_second_level = footprint <= caches.second_level;
    constexpr std::size_t kNear = 16, kMost = 96;
    const std::size_t near_third = is_small ? 40 : 24;
    const std::size_t distance =
        std::clamp(lines_under_way / lines, least_distance(table, footprint, caches), is_near ? near_third : kMost);
    if (is_small && !fit_second_level && !is_near) {
        const std::size_t most = fit_third_level(footprint, caches) ? 24 : kAfar;
        return {std::max(distance, rows_under_way_to_second_level(lines, most, caches)), Into::second_level};
    }
    // Rows that share sets are fewer, but not so few that the next ones would come too late, as those of codes would.
    const bool are_codes = kernels::are_codes(kernels::codec_of(table.format()));
    const std::size_t most =
        are_codes ? kMost : std::max(most_rows_in_sets(table.row_stride(), caches), lines_under_way / 2 / lines);
    // Tables that fit in L2 need a short distance only, in case something else has evicted their rows.
    return {std::min({distance, most, fit_second_level ? kNear : kMost}), Into::first_level};
}

Prefetch prefetch_if_skewed(const Table& table, const Prefetch& prefetch) noexcept {
    // Rows that are mostly in L2 hold a line-fill buffer for a short time. And Zen 4 was measured to ignore prefetches
    // of them into L2 for seconds on end, for which we found no reason: a lookup then takes two to three times as long.
    constexpr std::size_t kDistance = 64;
    if (prefetch.into == Into::first_level || row_bytes(table.format(), table.dim()) > kLine) return prefetch;
    return {kDistance, Into::first_level};
}

bool are_skewed(const kernels::PoolArgs& args) noexcept {
    // By a Zipf law with an exponent of 1.05, 93 to 98 of 100 samples have four that recur, of 400,000 to 5 million
    // rows; of uniform ones 2 in 1,000, because two may have the same hash.
    constexpr std::size_t kSample = 64, kLeast = 4, kMostOfOne = 2, kBits = 12;
    std::uint8_t times[std::size_t{1} << kBits] = {};
    std::size_t recurring = 0;
    const std::size_t count = args.end - args.position;
    for (std::size_t i = 0; i < kSample; ++i) {
        const std::size_t position = args.position + count * i / kSample;
        const std::int64_t index = kernels::element(args.indices, args.wide_indices, position);
        if (index == args.rows.padding || static_cast<std::size_t>(index) >= args.rows.ids) continue;
        const std::uint32_t hash = static_cast<std::uint32_t>(index) * std::uint32_t{0x9e3779b1};  // Knuth, TAOCP 6.4
        std::uint8_t& before = times[hash >> (32 - kBits)];
        recurring += before > 0 && before <= kMostOfOne ? 1 : 0;
        ++before;
    }
    return recurring >= kLeast;
}

std::size_t distance_of_whole_rows(const Table& table, const Prefetch& prefetch, const Caches& caches) noexcept {
    const bool is_first_level = prefetch.into == Into::first_level;
    const std::size_t level = is_first_level ? caches.first_level : caches.second_level;
    std::size_t most = level / 3 / row_bytes(table.format(), table.dim());
    if (has_small_l1(caches) && !is_first_level) {  // as far as rows that are never read by blocks: prefetch_for()
        const std::size_t lines = lines_of_row(table);
        most = std::min(most, std::max(caches.first_level / kLine / 4 / lines,
                                       rows_under_way_to_second_level(lines, kAfar, caches)));
    }
    return std::min(prefetch.distance, std::max(most, std::size_t{1}));
}

std::size_t least_run_for(const Table& table, std::size_t footprint, const Caches& caches) noexcept {
    constexpr std::size_t kAnyNear = 0, kAny = 1, kNever = ~std::size_t{0}, kMemoryRun = 256, kLongRun = 1024;
    const bool is_large_l2 = has_large_l2(caches);
    if (is_large_l2 && are_slow_blocks(table)) return kNever;
    if (!exceed_second_level(footprint, caches)) return is_large_l2 ? kAny : kAnyNear;
    // Long rows of codes from L3 or a little beyond were measured to be faster as a whole.
    const bool are_codes = kernels::are_codes(kernels::codec_of(table.format()));
    if (are_codes && are_long(table, caches) && footprint <= caches.third_level) return kNever;
    if (has_small_l1(caches)) {
        if (fit_quarter_of_third_level(footprint, caches)) return kAnyNear;
        return suit_blocks_from_afar(table, footprint, caches) ? kAny : kNever;
    }
    if (is_large_l2) return fit_quarter_of_third_level(footprint, caches) ? kLine : kLongRun;
    if (fit_third_level(footprint, caches)) return kLine;
    // Rows of very many columns would be read in so many passes that nothing of them is near from one to the next.
    constexpr std::size_t kManyColumns = 8192;
    return table.dim() < kManyColumns ? kMemoryRun : kLongRun;
}

std::uint32_t bytes_at_once_for(const Table& table, std::size_t footprint, const Caches& caches) noexcept {
    // From afar, the next block of a few bags is read before the next bags' rows: the hardware prefetches what follows
    // a block. Of so many rows L1 keeps the rest, or a large L2 of more: measured on Zen 5, whose L1 has 48 KiB, on Zen
    // 4, and on Sapphire Rapids.
    constexpr std::uint32_t kFew = 6144, kFewFromMemory = 12288, kFewInLargeL2 = 262144, kAll = ~std::uint32_t{0};
    if (widest_block_bytes(table) < least_run_for(table, footprint, caches)) return kFew;
    if (!exceed_second_level(footprint, caches)) return kAll;
    if (has_large_l2(caches)) return kFewInLargeL2;
    const bool is_f32 = kernels::codec_of(table.format()) == kernels::Codec::f32;
    return has_small_l1(caches) && !fit_third_level(footprint, caches) && !is_f32 ? kFewFromMemory : kAll;
}

FarResults far_results(std::size_t count, std::size_t stride, const Caches& caches) noexcept {
    // L3 keeps smaller ones from call to call, beside tables and what else is written between: prefetches would only
    // take time. With a small L1, that was measured for bags of a few rows whose results follow one another; others
    // gain from half of it on, and single rows are faster without. With a large L2, all gain once that is full.
    const auto exceed = [&](std::size_t bytes) { return stride != 0 && count > bytes / stride; };
    const bool is_small = has_small_l1(caches);
    const bool are_afar = exceed(has_large_l2(caches) ? caches.second_level : caches.third_level / 4);
    return {is_small ? exceed(caches.third_level / 8) : are_afar, are_afar, are_afar && !is_small};
}

std::size_t results_ahead(const kernels::PoolArgs& args, const FarResults& far, const Caches& caches) noexcept {
    constexpr std::size_t kFew = 4;  // rows
    const bool is_dense = args.rows.dim == args.out_stride;
    const bool are_few = is_dense && args.end - args.position <= kFew * (args.last_bag - args.first_bag);
    const bool is_single = is_dense && kernels::is_single(args);
    if (!(is_single ? far.single_rows : are_few ? far.few_rows : far.any)) return 0;
    const std::size_t element = kernels::element_bytes(args.out_type), bytes = args.rows.dim * element;
    const std::size_t least = is_dense && !has_small_l1(caches) ? 8192 : 2048;
    return (least + bytes - 1) / bytes * args.out_stride * element;
}

bool streams_results(const Table& table, OutputType type, std::size_t count, std::size_t stride,
                     const Caches& caches) noexcept {
    if (stride != table.dim()) {
        // With a large L2, whose L3 takes longer, once they exceed L2: faster even if all are read afterwards.
        const std::size_t most_kept = has_large_l2(caches) ? caches.second_level : caches.third_level / 2;
        return stride != 0 && count > most_kept / kernels::element_bytes(type) / stride;
    }
    // Measured on Zen 4 with one L3. f32 tables lose their place in L2 to results; the rows of int8 are smaller, and
    // their results were written as fast into L3 as long as it has room for them. Of int4 nothing was gained, nor of
    // weighted halves, of others of at least 3 KB only. Of shorter results, the copy takes too long; tables from memory
    // bound the time themselves.
    constexpr std::size_t kLeast = 2048;
    const kernels::Codec codec = kernels::codec_of(table.format());
    const bool is_f32 = codec == kernels::Codec::f32;
    if (!is_f32 && (!kernels::are_codes(codec) || kernels::are_parts_of_bytes(codec))) return false;
    const std::size_t bytes = table.dim() * sizeof(float);
    const std::size_t most_kept = is_f32 ? caches.third_level / 2 : caches.third_level;
    return has_small_l1(caches) && type == OutputType::f32 && bytes >= kLeast && bytes <= ResultStream::kMost &&
           count > most_kept / bytes && fit_third_level(bytes_behind(table), caches);
}

bool suits_stream(const kernels::PoolArgs& args, const Caches& caches) noexcept {
    const std::size_t element = kernels::element_bytes(args.out_type), bytes = args.rows.dim * element;
    if (bytes < ResultStream::kLeast || bytes > ResultStream::kMost) return false;
    if (args.rows.dim == args.out_stride) return kernels::is_single(args);
    // Of results with others between them, a few lines were measured to be faster only if they are whole; and of bags
    // of many rows, writing the result takes a small part of the time. With a large L2, ordinary stores take longer.
    constexpr std::size_t kFewWhole = 2, kMany = 12;
    const bool is_large_l2 = has_large_l2(caches);
    const std::size_t few_in_part = is_large_l2 ? 3 : 5;
    const std::size_t lines = bytes / kLine, bags = args.last_bag - args.first_bag;
    const bool are_whole =
        (reinterpret_cast<std::uintptr_t>(args.out) | bytes | args.out_stride * element) % kLine == 0;
    const std::size_t rows_a_line = is_large_l2 ? 8 : lines < kMany ? 1 : 4;
    return lines >= (are_whole ? kFewWhole : few_in_part) && args.end - args.position <= rows_a_line * lines * bags;
}

}  // namespace rowpool::pooling
