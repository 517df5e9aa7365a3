// Cuts plans into slices and runs them.
#include "pooling/slice.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <new>

#include "core/local_rows.hpp"
#include "kernels/rows.hpp"
#include "pooling/checks.hpp"
#include "pooling/cold.hpp"
#include "pooling/prefetch.hpp"
#include "pooling/result_stream.hpp"

namespace rowpool::pooling {
namespace {

using kernels::BagEnds;

/// The cost in bytes of pooling num_indices rows of a feature into num_bags output rows.
std::size_t cost_of(const FeaturePlan& feature, std::size_t num_indices, std::size_t num_bags) noexcept {
    return num_indices * feature.rows.bytes + num_bags * feature.rows.dim * sizeof(float);
}

/// Binary search: the first number in [first, last) for which is_before() is false; `last` if there is none.
template <class IsBefore>
std::size_t first_not(std::size_t first, std::size_t last, const IsBefore& is_before) noexcept {
    for (std::size_t count = last - first; count > 0;) {
        const std::size_t half = count / 2;
        const bool before = is_before(first + half);
        first = before ? first + half + 1 : first;
        count = before ? count - half - 1 : half;
    }
    return first;
}

/// The first boundary at or after `from` within its feature such that the feature's bags before it cost `cost` or more.
BagBoundary boundary_in_feature(const Plan& plan, std::size_t cost, const BagBoundary& from) noexcept {
    const FeaturePlan& feature = plan.features[from.feature];
    const std::size_t begin = plan.first_index(from.feature);
    const auto is_before = [&](std::size_t bag, std::size_t position) {
        return cost_of(feature, position - begin, bag) < cost;
    };
    if (plan.ends.kind == BagEnds::Kind::lengths) {
        BagBoundary boundary = from;
        while (boundary.bag < plan.num_bags && is_before(boundary.bag, boundary.position)) {
            boundary.position = kernels::end_of(plan.ends, boundary.bag++, boundary.position);
        }
        return boundary;
    }
    const auto position_of = [&](std::size_t bag) {
        if (bag == 0) return begin;
        if (bag == plan.num_bags) return plan.first_index(from.feature + 1);
        if (plan.ends.kind == BagEnds::Kind::fixed) return bag * plan.ends.length;
        return kernels::end_of(plan.ends, from.feature * plan.num_bags + bag - 1, 0);
    };
    const std::size_t bag =
        first_not(from.bag, plan.num_bags, [&](std::size_t b) { return is_before(b, position_of(b)); });
    return {from.feature, bag, position_of(bag)};
}

/// The number of a bag range's first rows to prefetch before its kernel runs: the prefetch distance, because the kernel
/// itself could prefetch these too late only; but no more than 16 KiB, a third or half of an L1 cache. 0 for distances
/// below 4, which are none of the rule's.
std::size_t rows_ahead(const kernels::Rows& rows) noexcept {
    constexpr std::size_t kLeast = 4, kMostLines = 256;
    return rows.prefetch.distance < kLeast ? 0 : std::min(rows.prefetch.distance, kMostLines / rows.lines);
}

std::int64_t index_at(const kernels::PoolArgs& args, std::size_t position) noexcept {
    return kernels::element(args.indices, args.wide_indices, position);
}

/// Prefetches the first `ahead` rows of a bag range, except those of bad indices.
void prefetch_first_rows(const kernels::PoolArgs& args, std::size_t ahead) noexcept {
    const std::size_t end = std::min(args.end, args.position + ahead);
    if (args.rows.remap != nullptr) {
        // A kernel reads the remap when it prefetches a row, so remap entries are needed up to one more distance ahead.
        const std::size_t remap_end = std::min(args.end, args.position + 2 * ahead);
        for (std::size_t i = args.position; i < remap_end; ++i) kernels::prefetch_remap(args.rows, index_at(args, i));
    }
    for (std::size_t i = args.position; i < end; ++i) {
        const std::size_t row = kernels::row_of(args.rows, index_at(args, i));
        if (row != kernels::kNoRow) kernels::prefetch_row(args.rows, row);
    }
}

/// Where the ends of bags from `bag` on are.
const void* ends_from(const BagEnds& ends, std::size_t bag) noexcept {
    return static_cast<const std::byte*>(ends.values) + bag * (ends.wide ? 8 : 4);
}

/// The end of `count` bags of a range, of which the first is `bag` and begins at `position`.
std::size_t end_of_bags(const kernels::PoolArgs& range, std::size_t bag, std::size_t count,
                        std::size_t position) noexcept {
    if (bag + count == range.last_bag) return range.end;
    if (range.ends.kind == BagEnds::Kind::fixed) return position + count * range.ends.length;
    if (range.ends.kind == BagEnds::Kind::offsets) return kernels::end_of(range.ends, bag + count - 1, 0);
    for (const std::size_t last = bag + count; bag < last; ++bag) position = kernels::end_of(range.ends, bag, position);
    return position;
}

/// Whether a bag range's rows are prefetched as those of skewed indices.
bool adapts(const FeaturePlan& feature, const kernels::PoolArgs& args) noexcept {
    constexpr std::size_t kMany = 1024;  // so that looking at the indices takes a hundredth or two of the time
    return feature.if_skewed != feature.rows.prefetch && args.end - args.position >= kMany && are_skewed(args);
}

/// A bag range: the bags of one feature that belong to a slice, pooled by one kernel call.
struct BagRange {
    kernels::PoolArgs args;
    bool streams;       ///< results are written past the caches
    std::size_t bytes;  ///< of cache lines that its rows touch
};

/// Runs the bag ranges of a slice, one per feature, in order. Later ranges are prepared ahead, and their first rows
/// prefetched, while earlier ones run: a kernel cannot prefetch its own first rows in time.
class Slice {
public:
    Slice(const Plan& plan, const BagBoundary& first, const BagBoundary& last) noexcept
        : plan_(plan),
          first_(first),
          last_(last),
          end_(last.bag == 0 ? last.feature : last.feature + 1),
          element_bytes_(kernels::element_bytes(plan.out_type)),
          has_small_l1_(has_small_l1()),
          far_results_(far_results(plan.num_bags, plan.out_stride * element_bytes_)),
          next_(first.feature),
          position_(first.position) {}

    /// Returns how many indices were skipped.
    std::size_t run() noexcept {
        std::size_t skipped = 0;
        for (std::size_t f = first_.feature; f < end_; ++f) {
            prepare_after(f);
            BagRange& range = ranges[f % kRanges];
            bytes_ahead_ -= range.bytes;
            if (range.args.first_bag >= range.args.last_bag) continue;
            const std::size_t own = run(plan_.features[f], range);
            if (own > 0 && plan_.skipped != nullptr) {  // other slices may have bags of this feature
                std::atomic_ref(plan_.skipped[f]).fetch_add(own, std::memory_order_relaxed);
            }
            skipped += own;
        }
        return skipped;
    }

private:
    /// Prepares the ranges of feature f and the next one, and later ones as long as the prefetched rows fit the window
    /// in the L2 cache. The next one is always prepared, well before it runs: kernels copy their arguments, and a copy
    /// of a struct that has just been written stalls on store forwarding.
    void prepare_after(std::size_t f) noexcept {
        constexpr std::size_t kWindow = std::size_t{64} << 10;  // bytes of the L2 cache
        const std::size_t end = std::min(end_, f + kRanges);
        for (; next_ < end && (next_ <= f + 1 || bytes_ahead_ < kWindow); ++next_) {
            BagRange& range = *::new (ranges + next_ % kRanges) BagRange;  // without zeros: all of it is set
            prepare(next_, range);
            range.bytes = (range.args.end - range.args.position) * range.args.rows.lines * 64;
            bytes_ahead_ += range.bytes;
        }
    }

    void prepare(std::size_t f, BagRange& range) noexcept {
        kernels::PoolArgs& args = range.args;
        const FeaturePlan& feature = plan_.features[f];
        args.rows = feature.rows;
        if (feature.is_replicated) read_own_copy(*feature.table, args.rows);
        args.indices = plan_.indices.data();
        args.wide_indices = plan_.indices.is_wide();
        args.weights = takes_weights(feature.mode) ? plan_.weights : nullptr;
        args.first_bag = f == first_.feature ? first_.bag : 0;
        args.last_bag = f == last_.feature ? last_.bag : plan_.num_bags;
        args.position = position_;
        args.end = position_ = f == last_.feature ? last_.position : plan_.first_index(f + 1);
        set_ends(f, args);
        args.pooling = feature.mode;
        args.least_run = feature.least_run;
        args.bytes_at_once = feature.bytes_at_once;
        args.has_small_l1 = has_small_l1_;
        args.filters = feature.rows.padding >= 0 || feature.rows.remap != nullptr;
        args.count_all = feature.count_all;
        args.out = static_cast<std::byte*>(plan_.out) + feature.column * element_bytes_;
        args.out_stride = plan_.out_stride;
        args.out_type = plan_.out_type;
        range.streams = plan_.streams && suits_stream(args);
        args.results_ahead = range.streams ? 0 : results_ahead(args, far_results_);
        if (adapts(feature, args)) {
            args.rows.prefetch = feature.if_skewed;
            args.rows.whole_distance = feature.if_skewed.distance;  // rows are short: L1 has room for so many
        }
        const std::size_t ahead = rows_ahead(args.rows);
        const bool are_all_ahead = args.end - args.position <= ahead;
        args.prefetch_end = args.rows.prefetch.distance == 0 || are_all_ahead ? 0 : args.end;
        if (ahead != 0) prefetch_first_rows(args, ahead);
    }

    static void read_own_copy(const Table& table, kernels::Rows& rows) noexcept {
        if (rows.count != 0) rows.data = core::local_data(table);
        if (rows.remap != nullptr) rows.remap = core::local_remap(table).data();
    }

    void set_ends(std::size_t f, kernels::PoolArgs& args) const noexcept {
        const BagEnds& ends = plan_.ends;
        args.ends.kind = ends.kind;  // one by one: they have just been written (see plan.cpp)
        args.ends.wide = ends.wide;
        args.ends.values = ends.values;
        args.ends.length = ends.length;
        if (ends.kind == BagEnds::Kind::fixed) return;
        args.ends.values = ends_from(ends, f * plan_.num_bags);
        if (const std::size_t length = equal_length(args); length != 0) {
            args.ends.kind = BagEnds::Kind::fixed;
            args.ends.length = length;
        }
    }

    /// The length of the bags of a list, if all have the same; otherwise 0. For kernels, such bags are fixed ones.
    std::size_t equal_length(const kernels::PoolArgs& args) const noexcept {
        const std::size_t count = args.last_bag - args.first_bag, indices = args.end - args.position;
        if (count <= 1) return count * indices;
        const std::size_t length = indices / count;
        if (length == 0 || length * count != indices) return 0;
        if (!args.ends.wide && args.end > std::size_t{INT32_MAX}) return 0;  // ends are compared in their own type
        const bool are_offsets = args.ends.kind == BagEnds::Kind::offsets;
        const auto step = static_cast<std::int64_t>(length);
        const auto first = are_offsets ? static_cast<std::int64_t>(args.position) + step : step;
        const void* const ends = ends_from(args.ends, args.first_bag);
        // All but the last bag, which may have no entry: if they have as many, so has it.
        const bool are_equal =
            plan_.kernels->are_sequence[args.ends.wide](ends, count - 1, first, are_offsets ? step : 0);
        return are_equal ? length : 0;
    }

    std::size_t run(const FeaturePlan& feature, BagRange& range) const noexcept {
        kernels::PoolArgs& args = range.args;
        std::size_t bad = 0;
        if (feature.skips_bad) {
            const void* const indices = advance(plan_.indices, args.position);
            bad = plan_.kernels->count_outside[args.wide_indices](indices, args.end - args.position, args.rows.ids);
            args.filters = args.filters || bad > 0;
        }
        const kernels::PoolFn pool = kernels::pool_function(*plan_.kernels, feature.codec, args);
        std::size_t& distance = args.rows.prefetch.distance;  // rarely written: kernels begin with a copy of all
        if (distance != args.rows.whole_distance && !reads_blocks(feature.codec, pool)) {
            distance = args.rows.whole_distance;
        }
        if (range.streams) {
            pool_streaming(pool, args);
        } else {
            pool(args);
        }
        return bad;
    }

    /// Pools bags whose results are written past the caches. Not inlined: the stream's buffer is large.
    [[gnu::noinline]] void pool_streaming(const kernels::PoolFn pool, const kernels::PoolArgs& range) const noexcept {
        const std::size_t stride = plan_.out_stride * element_bytes_;
        ResultStream stream(plan_.kernels->stream_rows, static_cast<std::byte*>(range.out) + range.first_bag * stride,
                            stride, range.rows.dim * element_bytes_);
        kernels::PoolArgs args = range;
        args.first_bag = 0;
        args.out = stream.rows();
        args.out_stride = stream.stride() / element_bytes_;
        std::size_t bag = range.first_bag;
        const auto advance = [&] {
            args.last_bag = std::min(stream.capacity(), range.last_bag - bag);
            if (args.last_bag == 0) return;
            args.position = args.end;
            args.end = end_of_bags(range, bag, args.last_bag, args.position);
            if (range.ends.values != nullptr) args.ends.values = ends_from(range.ends, bag);
            bag += args.last_bag;
        };
        args.end = args.position;
        advance();
        while (args.last_bag != 0) {
            const std::size_t count = args.last_bag;
            stream.expect(count);
            pool(args);
            advance();  // long before the kernel copies its arguments: see prepare_after()
            stream.write(count);
        }
    }

    bool reads_blocks(kernels::Codec codec, kernels::PoolFn pool) const noexcept {
        const kernels::PoolFn(&blocks)[2] = plan_.kernels->codecs[static_cast<std::size_t>(codec)]->blocks;
        return pool == blocks[0] || pool == blocks[1];
    }

    static constexpr std::size_t kRanges = 32;

    const Plan& plan_;
    const BagBoundary& first_;
    const BagBoundary& last_;
    std::size_t end_;            // one past the last feature
    std::size_t element_bytes_;  // of the output
    bool has_small_l1_;
    FarResults far_results_;
    std::size_t next_;             // the first feature that is not prepared
    std::size_t position_;         // its first index
    std::size_t bytes_ahead_ = 0;  // of the ranges that are prepared and have not run
    union {                        // a union, so that ranges are not initialised until they are prepared
        BagRange ranges[kRanges];  // a ring: feature f is at [f % kRanges]
    };
};

}  // namespace

std::size_t cost_of(const Plan& plan) noexcept {
    std::size_t cost = 0, begin = plan.first_index(0);
    for (std::size_t f = 0; f < plan.features.size(); ++f) {
        const std::size_t end = plan.first_index(f + 1);
        cost += cost_of(plan.features[f], end - begin, plan.num_bags);
        begin = end;
    }
    return cost;
}

BagBoundary boundary_at(const Plan& plan, std::size_t cost, const BagBoundary& from) noexcept {
    std::size_t begin = plan.first_index(0);
    for (std::size_t f = 0; f < plan.features.size(); ++f) {
        const std::size_t end = plan.first_index(f + 1);
        const std::size_t own = cost_of(plan.features[f], end - begin, plan.num_bags);
        if (cost < own) return boundary_in_feature(plan, cost, f == from.feature ? from : BagBoundary{f, 0, begin});
        cost -= own;
        begin = end;
    }
    return end_of(plan);
}

void clear_skipped(const Plan& plan) noexcept {
    if (plan.skipped != nullptr) std::fill_n(plan.skipped, plan.features.size(), std::size_t{0});
}

std::size_t run_slice(const Plan& plan, const BagBoundary& first, const BagBoundary& last) noexcept {
    if (plan.num_bags == 0) return 0;  // there need be no output then, in which features have columns
    return Slice(plan, first, last).run();
}

PoolStatus run(const Plan& plan) noexcept {
    const std::size_t num_indices = plan.indices.size();
    const std::size_t bad = find_bad(plan, 0, num_indices);
    if (bad != num_indices) return bad_index(plan, bad);
    clear_skipped(plan);
    PoolStatus status;
    const BagBoundary begin = begin_of(plan), end = end_of(plan);
    status.skipped = plan.is_cold ? run_cold_slice(plan, begin, end) : run_slice(plan, begin, end);
    return status;
}

}  // namespace rowpool::pooling
