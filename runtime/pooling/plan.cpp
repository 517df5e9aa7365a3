// Makes plans: checks the caller's arguments and resolves them for the kernels.
#include "pooling/plan.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "core/local_rows.hpp"
#include "core/row_layout.hpp"
#include "cpu/dispatch.hpp"
#include "kernels/rows.hpp"
#include "pooling/checks.hpp"
#include "pooling/prefetch.hpp"

namespace rowpool::pooling {
namespace {

using kernels::BagEnds;

/// Resolves a padding index against a table: -1 for none; nothing when it is outside [-ids, ids).
std::optional<std::int64_t> resolve_padding(const Table& table, const PaddingIndex& padding) noexcept {
    if (padding.kind() == PaddingIndex::Kind::none) return -1;
    if (padding.kind() == PaddingIndex::Kind::of_table) return table.padding_index().value_or(-1);
    const auto ids = static_cast<std::int64_t>(table.num_ids());
    if (padding.index() < -ids || padding.index() >= ids) return std::nullopt;
    return padding.index() < 0 ? padding.index() + ids : padding.index();
}

// Kernels take for granted that rows without scale and bias in f16 begin with their codes, and that scale and bias
// follow: see RowCodec::codes_at().
constexpr bool begin_with_codes(RowFormat format) noexcept {
    constexpr std::size_t kDim = 24;
    const RowLayout layout = row_layout(format, kDim);
    return layout.codes_at == 0 && layout.qparams_at == layout.code_bytes;
}
static_assert(begin_with_codes(RowFormat::f32) && begin_with_codes(RowFormat::f16) &&
              begin_with_codes(RowFormat::bf16) && begin_with_codes(RowFormat::int8));

// Structs below are filled in place, member by member. Copying a struct that has just been written would stall on store
// forwarding (wide loads of narrow stores that are still in the store buffer), and a call of few rows cannot hide the
// stall.

void set_rows(const Table& table, kernels::Rows& rows) noexcept {
    static constexpr std::byte kNoRows = {};  // an empty table may have a null pointer: no arithmetic on that
    const RowLayout layout = row_layout(table.format(), table.dim());
    rows.data = table.rows() != 0 ? table.data() : &kNoRows;
    rows.count = table.rows();
    rows.stride = table.row_stride();
    rows.bytes = row_bytes(table.format(), table.dim());
    rows.lines = lines_of_row(table);
    rows.dim = table.dim();
    rows.codes_at = layout.codes_at;
    rows.qparams_at = layout.qparams_at;
    rows.ids = table.num_ids();
    rows.remap = table.remap().data();
}

void set_ends(const Bags& bags, BagEnds& ends) noexcept {
    const IndexSpan bounds = bags.bounds();
    const bool are_lengths = bags.kind() == Bags::Kind::lengths;
    const bool is_list = are_lengths || (bags.kind() != Bags::Kind::fixed && !bounds.empty());
    ends.kind = are_lengths ? BagEnds::Kind::lengths : is_list ? BagEnds::Kind::offsets : BagEnds::Kind::fixed;
    ends.wide = bounds.is_wide();
    ends.values = is_list ? advance(bounds, are_lengths ? 0 : 1) : nullptr;
    ends.length = bags.length();
}

/// The first element that is written. Without bags the buffer has not been checked: it may be null, and the column may
/// be any number.
void* first_element(const Output& out, std::size_t num_bags) noexcept {
    const std::size_t bytes = out.column() * kernels::element_bytes(out.type());
    return num_bags == 0 ? out.data() : static_cast<std::byte*>(out.data()) + bytes;
}

/// Fills a plan from checked arguments; `bags` holds the bags of all features, num_bags of each.
void make_plan(std::span<const FeaturePlan> features, const kernels::KernelTable& kernels, const Bags& bags,
               std::size_t num_bags, const Output& out, std::size_t stride, Plan& plan) noexcept {
    plan.features = features;
    plan.kernels = &kernels;
    plan.indices = bags.indices();
    set_ends(bags, plan.ends);
    plan.weights = bags.weights().empty() ? nullptr : bags.weights().data();
    plan.num_bags = num_bags;
    plan.out = first_element(out, num_bags);
    plan.out_stride = stride;
    plan.out_type = out.type();
    plan.is_request = false;
    plan.is_cold = features.front().cold_rows != nullptr;
    plan.streams =
        kernels.stream_rows != nullptr && streams_results(*features.front().table, out.type(), num_bags, stride);
    plan.skipped = nullptr;
}

/// Checks all arguments but the output and the values of indices, and resolves the feature.
CheckResult check_inputs(const Table& table, const Bags& bags, const PoolOptions& options,
                         const kernels::KernelTable* kernels, FeaturePlan& feature) noexcept {
    if (kernels == nullptr) return {PoolFault::isa};
    if (const CheckResult result = check_bags(*kernels, bags); !result) return result;
    const std::size_t num_weights = bags.weights().size();
    if (const CheckResult result = check_weights(num_weights, bags.indices().size(), options.mode); !result)
        return result;
    if (options.mode == Pooling::none && (bags.kind() != Bags::Kind::fixed || bags.length() != 1)) {
        return {PoolFault::bags_with_none};
    }
    return plan_feature(table, options, bytes_behind(table), feature);
}

/// plan_call(), but returns the CheckResult.
CheckResult make_call(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out,
                      FeaturePlan& feature, Plan& plan) noexcept {
    const kernels::KernelTable* const kernels = cpu::active_kernels();
    if (const CheckResult result = check_inputs(table, bags, options, kernels, feature); !result) return result;
    std::size_t stride = 0;
    if (const CheckResult result = check_output(out, bags.num_bags(), table.dim(), stride); !result) return result;
    make_plan({&feature, 1}, *kernels, bags, bags.num_bags(), out, stride, plan);
    return {};
}

CheckResult check_batch(std::size_t features, IndexSpan offsets) noexcept {
    if (!offsets.empty() && (offsets.size() - 1) % features == 0) return {};
    return {PoolFault::batch_shape, 0, static_cast<std::int64_t>(offsets.size()), features};
}

CheckResult check_skipped(std::size_t features, std::span<std::size_t> skipped) noexcept {
    if (skipped.empty() || skipped.size() == features) return {};
    return {PoolFault::skipped_size, 0, static_cast<std::int64_t>(skipped.size()), features};
}

/// Weights are for the features that take them: at least one does.
CheckResult check_all_weights(std::span<const FeaturePlan> features, const Request& request) noexcept {
    if (request.weights.empty()) return {};
    const auto takes = [](const FeaturePlan& feature) { return takes_weights(feature.mode); };
    const auto taker = std::find_if(features.begin(), features.end(), takes);
    const Pooling mode = taker != features.end() ? taker->mode : features.front().mode;
    return check_weights(request.weights.size(), request.indices.size(), mode);
}

/// Whether one of the indices is not in [0, ids): its sign bit is set, or that of its distance from the last id. A loop
/// that compilers vectorize for every CPU.
template <class Index>
bool any_outside(const Index* indices, std::size_t count, std::size_t ids) noexcept {
    using Unsigned = std::make_unsigned_t<Index>;
    const auto last = static_cast<Unsigned>(std::min(ids, std::size_t{1} << (8 * sizeof(Index) - 1)) - 1);
    Unsigned signs = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto index = static_cast<Unsigned>(indices[i]);
        signs |= index | (last - index);
    }
    return static_cast<Index>(signs) < 0;
}

/// find_bad() among indices of that type.
template <class Index>
std::size_t find_bad_of(const Plan& plan, std::size_t begin, std::size_t end) noexcept {
    constexpr std::size_t kFew = 64;  // for fewer, calling the kernel takes longer
    const auto* const indices = static_cast<const Index*>(plan.indices.data());
    std::size_t own_end = plan.first_index(0);
    for (std::size_t f = 0; f < plan.features.size() && own_end < end; ++f) {
        std::size_t from = std::max(begin, own_end);
        own_end = plan.first_index(f + 1);
        const std::size_t to = std::min(end, own_end);
        if (from >= to || plan.features[f].skips_bad) continue;
        const std::size_t count = to - from, ids = plan.features[f].rows.ids;
        const bool any = count <= kFew
                             ? any_outside(indices + from, count, ids)
                             : plan.kernels->count_outside[sizeof(Index) == 8](indices + from, count, ids) > 0;
        if (!any) continue;
        while (static_cast<std::uint64_t>(indices[from]) < ids) ++from;
        return from;
    }
    return end;
}

/// The status of a fault in a feature.
PoolStatus status_in_feature(const CheckResult& result, std::span<const FeaturePlan> features, std::size_t f) noexcept {
    PoolStatus status = status_of(result, features[f].table);
    status.feature = f;
    return status;
}

}  // namespace

CheckResult plan_feature(const Table& table, const PoolOptions& options, std::size_t footprint,
                         FeaturePlan& feature) noexcept {
    const std::optional<std::int64_t> padding = resolve_padding(table, options.padding_index);
    if (!padding) return {PoolFault::padding_index, 0, options.padding_index.index(), table.num_ids()};
    feature.table = &table;
    feature.codec = kernels::codec_of(table.format());
    feature.mode = options.mode;
    feature.least_run = least_run_for(table, footprint);
    feature.bytes_at_once = bytes_at_once_for(table, footprint);
    feature.is_replicated = core::is_replicated(table);
    feature.count_all = options.divisor == Divisor::bag_length;
    feature.skips_bad = options.on_bad_index == OnBadIndex::skip;
    feature.column = 0;
    feature.cold_rows = core::cold_rows(table);
    kernels::Rows& rows = feature.rows;
    set_rows(table, rows);
    rows.padding = options.mode == Pooling::none ? -1 : *padding;
    rows.prefetch = options.prefetch ? *options.prefetch : prefetch_for(table, footprint);
    rows.prefetch.distance = std::min(rows.prefetch.distance, Prefetch::kMostDistance);
    feature.if_skewed = options.prefetch ? rows.prefetch : prefetch_if_skewed(table, rows.prefetch);
    rows.whole_distance = distance_of_whole_rows(table, rows.prefetch);
    return {};
}

PoolStatus plan_call(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out,
                     FeaturePlan& feature, Plan& plan) noexcept {
    const CheckResult result = make_call(table, bags, options, out, feature, plan);
    return result ? PoolStatus() : status_of(result, &table);
}

PoolStatus check_call(const Table& table, const Bags& bags, const PoolOptions& options, const Output* out) noexcept {
    FeaturePlan feature;
    std::size_t stride = 0;
    const kernels::KernelTable* const kernels = cpu::active_kernels();
    CheckResult result = check_inputs(table, bags, options, kernels, feature);
    if (result && out != nullptr) result = check_output(*out, bags.num_bags(), table.dim(), stride);
    if (!result) return status_of(result, &table);
    Plan plan;
    make_plan({&feature, 1}, *kernels, bags, bags.num_bags(), std::span<float>(), stride, plan);
    const std::size_t bad = find_bad(plan, 0, bags.indices().size());
    return bad == bags.indices().size() ? PoolStatus() : bad_index(plan, bad);
}

PoolStatus plan_request(std::span<const FeaturePlan> features, std::size_t total_dim, bool is_cold,
                        const Request& request, const Output& out, std::span<std::size_t> skipped,
                        Plan& plan) noexcept {
    if (const CheckResult result = check_batch(features.size(), request.offsets); !result) return status_of(result);
    const kernels::KernelTable* const kernels = cpu::active_kernels();
    if (kernels == nullptr) return status_of({PoolFault::isa}, features.front().table);
    const Bags bags(request.indices, request.offsets, request.weights);
    if (const CheckResult result = check_bags(*kernels, bags); !result) return status_of(result);
    const std::size_t num_bags = bags.num_bags() / features.size();
    std::size_t stride = 0;
    if (const CheckResult result = check_output(out, num_bags, total_dim, stride); !result) return status_of(result);
    if (const CheckResult result = check_skipped(features.size(), skipped); !result) return status_of(result);
    if (const CheckResult result = check_all_weights(features, request); !result) return status_of(result);
    make_plan(features, *kernels, bags, num_bags, out, stride, plan);
    plan.is_request = true;
    plan.is_cold = is_cold;
    plan.skipped = skipped.empty() ? nullptr : skipped.data();
    return {};
}

std::size_t find_bad(const Plan& plan, std::size_t begin, std::size_t end) noexcept {
    return plan.indices.is_wide() ? find_bad_of<std::int64_t>(plan, begin, end)
                                  : find_bad_of<std::int32_t>(plan, begin, end);
}

PoolStatus bad_index(const Plan& plan, std::size_t position) noexcept {
    std::size_t f = 0;
    while (plan.first_index(f + 1) <= position) ++f;
    std::size_t bag = 0;
    std::size_t end = plan.first_index(f);
    for (; bag + 1 < plan.num_bags; ++bag) {
        end = kernels::end_of(plan.ends, f * plan.num_bags + bag, end);
        if (end > position) break;
    }
    const CheckResult result = {PoolFault::index, bag, plan.indices[position], plan.features[f].rows.ids};
    PoolStatus status =
        plan.is_request ? status_in_feature(result, plan.features, f) : status_of(result, plan.features[f].table);
    status.position = position;
    return status;
}

}  // namespace rowpool::pooling
