// The checks of a pooling call and its way into the kernels.
#include "exec/plan.hpp"

#include <algorithm>
#include <optional>

#include "core/row_layout.hpp"
#include "cpu/dispatch.hpp"
#include "exec/prefetch.hpp"
#include "kernels/rows.hpp"

namespace rowpool::exec {
namespace {

using kernels::BagEnds;

/// The values behind the first `skip` ones.
const void* advance(IndexSpan values, std::size_t skip) noexcept {
    return static_cast<const std::byte*>(values.data()) + skip * (values.is_wide() ? 8 : 4);
}

/// Whether no entry is below the one before it: a loop without exits, which compilers vectorize.
template <class T>
bool never_falls(const T* values, std::size_t count) noexcept {
    unsigned falls = 0;
    for (std::size_t i = 1; i < count; ++i) falls |= values[i] < values[i - 1] ? 1u : 0u;
    return falls == 0;
}

/// Offsets never fall and never pass the last index; `offsets` has at least one entry.
PoolStatus check_offsets(IndexSpan offsets, std::size_t num_indices) noexcept {
    if (offsets[0] != 0) return fault(PoolFault::first_offset, 0, offsets[0]);
    const bool rises = offsets.is_wide()
                           ? never_falls(static_cast<const std::int64_t*>(offsets.data()), offsets.size())
                           : never_falls(static_cast<const std::int32_t*>(offsets.data()), offsets.size());
    if (rises && static_cast<std::size_t>(offsets[offsets.size() - 1]) <= num_indices) return {};
    std::int64_t previous = 0;
    for (std::size_t b = 1; b < offsets.size(); ++b) {
        const std::int64_t offset = offsets[b];
        if (offset < previous) return fault(PoolFault::falling_offset, b, offset, static_cast<std::size_t>(previous));
        if (static_cast<std::size_t>(offset) > num_indices) {
            return fault(PoolFault::offset_past_end, b, offset, num_indices);
        }
        previous = offset;
    }
    return {};
}

PoolStatus check_lengths(IndexSpan lengths, std::size_t num_indices) noexcept {
    std::size_t total = 0;
    for (std::size_t b = 0; b < lengths.size(); ++b) {
        const std::int64_t length = lengths[b];
        if (length < 0) return fault(PoolFault::negative_length, b, length);
        if (static_cast<std::size_t>(length) > num_indices - total) {
            return fault(PoolFault::length_past_end, b, length, num_indices);
        }
        total += static_cast<std::size_t>(length);
    }
    if (total != num_indices) return fault(PoolFault::lengths_sum, 0, static_cast<std::int64_t>(total), num_indices);
    return {};
}

PoolStatus check_fixed(const Bags& bags, std::size_t num_indices) noexcept {
    const std::size_t length = bags.length();
    const bool fits =
        length == 0 ? num_indices == 0 : num_indices % length == 0 && num_indices / length == bags.num_bags();
    if (fits) return {};
    return fault(PoolFault::fixed_length, bags.num_bags(), static_cast<std::int64_t>(length), num_indices);
}

PoolStatus check_bounds(const Bags& bags, std::size_t num_indices) noexcept {
    const IndexSpan bounds = bags.bounds();
    switch (bags.kind()) {
        case Bags::Kind::offsets: {
            if (bounds.empty()) return fault(PoolFault::offsets_missing);
            const PoolStatus status = check_offsets(bounds, num_indices);
            const std::int64_t last = bounds[bounds.size() - 1];
            if (!status || static_cast<std::size_t>(last) == num_indices) return status;
            return fault(PoolFault::last_offset, bags.num_bags(), last, num_indices);
        }
        case Bags::Kind::starts:
            if (bounds.empty()) return num_indices == 0 ? PoolStatus{} : fault(PoolFault::no_bags, 0, 0, num_indices);
            return check_offsets(bounds, num_indices);
        case Bags::Kind::lengths:
            return check_lengths(bounds, num_indices);
        case Bags::Kind::fixed:
            return check_fixed(bags, num_indices);
    }
    return {};
}

BagEnds ends_of(const Bags& bags) noexcept {
    const IndexSpan bounds = bags.bounds();
    switch (bags.kind()) {
        case Bags::Kind::offsets:
        case Bags::Kind::starts:
            if (bounds.empty()) break;
            return {BagEnds::Kind::offsets, bounds.is_wide(), advance(bounds, 1), 0};
        case Bags::Kind::lengths:
            return {BagEnds::Kind::lengths, bounds.is_wide(), bounds.data(), 0};
        case Bags::Kind::fixed:
            break;
    }
    return {BagEnds::Kind::fixed, false, nullptr, bags.length()};
}

/// Resolves a padding index against a table: -1 for none; nothing when it is outside [-ids, ids).
std::optional<std::int64_t> resolve_padding(const Table& table, const PaddingIndex& padding) noexcept {
    if (padding.kind() == PaddingIndex::Kind::none) return -1;
    if (padding.kind() == PaddingIndex::Kind::of_table) return table.padding_index().value_or(-1);
    const auto ids = static_cast<std::int64_t>(table.num_ids());
    if (padding.index() < -ids || padding.index() >= ids) return std::nullopt;
    return padding.index() < 0 ? padding.index() + ids : padding.index();
}

kernels::Rows rows_of(const Table& table) noexcept {
    static constexpr std::byte kNoRows = {};  // kernels count from the first row, which an empty table need not have
    const RowLayout layout = row_layout(table.format(), table.dim());
    return {table.rows() != 0 ? table.data() : &kNoRows,
            table.rows(),
            table.row_stride(),
            row_bytes(table.format(), table.dim()),
            lines_of_row(table),
            table.dim(),
            layout.codes_at,
            layout.qparams_at,
            table.num_ids(),
            table.remap().data(),
            -1,
            {}};
}

/// Without a bag nothing was checked of the buffer: it may be null, and the column anything.
void* first_element(const Output& out, std::size_t num_bags) noexcept {
    const std::size_t bytes = out.type() == OutputType::f32 ? 4 : 2;
    return num_bags == 0 ? out.data() : static_cast<std::byte*>(out.data()) + out.column() * bytes;
}

}  // namespace

PoolStatus fault(PoolFault fault, std::size_t bag, std::int64_t value, std::size_t limit) noexcept {
    PoolStatus status;
    status.code = fault == PoolFault::index           ? ErrorCode::index_out_of_range
                  : fault == PoolFault::isa           ? ErrorCode::unsupported_isa
                  : fault == PoolFault::out_of_memory ? ErrorCode::out_of_memory
                                                      : ErrorCode::invalid_argument;
    status.fault = fault;
    status.bag = bag;
    status.value = value;
    status.limit = static_cast<std::int64_t>(limit);
    return status;
}

PoolStatus check_output(const Output& out, std::size_t num_bags, std::size_t dim, std::size_t& stride) noexcept {
    const std::size_t row_end = out.column() + dim;
    stride = out.stride() == 0 ? row_end : out.stride();
    if (row_end < dim || stride < row_end) {
        return fault(PoolFault::output_stride, 0, static_cast<std::int64_t>(stride), row_end);
    }
    if (num_bags == 0) return {};
    const bool fits = out.size() >= row_end && (out.size() - row_end) / stride >= num_bags - 1;
    return fits ? PoolStatus{} : fault(PoolFault::output_size, num_bags, static_cast<std::int64_t>(out.size()), stride);
}

PoolStatus check_bags(const Bags& bags, BagLayout& layout) noexcept {
    const std::size_t num_indices = bags.indices().size();
    const PoolStatus status = check_bounds(bags, num_indices);
    layout = {bags.indices(), bags.weights(), ends_of(bags), bags.num_bags(), 0, num_indices};
    return status;
}

PoolStatus check_weights(const BagLayout& layout, Pooling mode) noexcept {
    if (layout.weights.empty()) return {};
    if (mode == Pooling::none || mode == Pooling::max) return fault(PoolFault::weights_with_mode);
    if (layout.weights.size() == layout.indices.size()) return {};
    return fault(PoolFault::weights_size, 0, static_cast<std::int64_t>(layout.weights.size()), layout.indices.size());
}

PoolStatus make_setup(const Table& table, const PoolOptions& options, std::size_t footprint, Setup& setup) noexcept {
    const std::optional<std::int64_t> padding = resolve_padding(table, options.padding_index);
    if (!padding) return fault(PoolFault::padding_index, 0, options.padding_index.index(), table.num_ids());
    setup = {.table = &table,
             .codec = kernels::codec_of(table.format()),
             .rows = rows_of(table),
             .mode = options.mode,
             .is_far = footprint > own_caches().second_level,
             .counts_all = options.divisor == Divisor::bag_length,
             .skips_bad = options.on_bad_index == OnBadIndex::skip};
    kernels::Rows& rows = setup.rows;
    if (options.mode != Pooling::none) rows.padding = *padding;
    rows.prefetch = options.prefetch ? *options.prefetch : prefetch_for(table, footprint);
    rows.prefetch.distance = std::min(rows.prefetch.distance, Prefetch::kMostDistance);
    return {};
}

void make_plan(const kernels::KernelTable* kernels, const Setup& setup, const BagLayout& layout, const Output& out,
               std::size_t stride, Plan& plan) noexcept {
    plan.kernels = kernels;
    plan.table = setup.table;
    plan.codec = setup.codec;
    plan.indices = layout.indices;
    plan.begin = layout.begin;
    plan.skips_bad = setup.skips_bad;
    kernels::PoolArgs& args = plan.args;
    args.rows = setup.rows;
    args.indices = layout.indices.data();
    args.wide_indices = layout.indices.is_wide();
    args.ends = layout.ends;
    args.weights = layout.weights.empty() ? nullptr : layout.weights.data();
    args.first_bag = 0;
    args.last_bag = layout.num_bags;
    args.position = layout.begin;
    args.end = layout.end;
    args.pooling = setup.mode;
    args.count_all = setup.counts_all;
    args.is_far = setup.is_far;
    args.prefetch_end = setup.rows.prefetch.distance == 0 ? 0 : layout.end;
    args.out = first_element(out, layout.num_bags);
    args.out_stride = stride;
    args.out_type = out.type();
}

void keep_bags(std::size_t first, std::size_t num_bags, std::size_t begin, std::size_t end, Plan& plan) noexcept {
    plan.begin = begin;
    kernels::PoolArgs& args = plan.args;
    args.ends.values = static_cast<const std::byte*>(args.ends.values) + first * (args.ends.wide ? 8 : 4);
    args.last_bag = num_bags;
    args.position = begin;
    args.end = end;
    args.prefetch_end = std::min(args.prefetch_end, end);
}

namespace {

/// plan_call, but the fault does not name the table.
PoolStatus plan_unnamed(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out,
                        Plan& plan) noexcept {
    BagLayout layout;
    if (PoolStatus status = check_bags(bags, layout); !status) return status;
    const kernels::KernelTable* const kernels = cpu::active_kernels();
    if (kernels == nullptr) return fault(PoolFault::isa);
    if (PoolStatus status = check_weights(layout, options.mode); !status) return status;
    if (options.mode == Pooling::none && (layout.ends.kind != BagEnds::Kind::fixed || layout.ends.length != 1)) {
        return fault(PoolFault::bags_with_none);
    }
    Setup setup;
    const std::size_t footprint = bytes_behind(table);
    if (PoolStatus status = make_setup(table, options, footprint, setup); !status) return status;
    std::size_t stride = 0;
    if (PoolStatus status = check_output(out, layout.num_bags, table.dim(), stride); !status) return status;
    make_plan(kernels, setup, layout, out, stride, plan);
    return {};
}

}  // namespace

PoolStatus plan_call(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out,
                     Plan& plan) noexcept {
    PoolStatus status = plan_unnamed(table, bags, options, out, plan);
    if (!status) status.table = table.name();
    return status;
}

std::size_t find_outside(const kernels::KernelTable* kernels, const IndexSpan& indices, std::size_t ids,
                         std::size_t begin, std::size_t end) noexcept {
    constexpr std::size_t kFew = 32;  // for these the kernel takes longer to start than a look at each
    const auto count_outside = kernels->count_outside[indices.is_wide()];
    if (end - begin >= kFew && count_outside(advance(indices, begin), end - begin, ids) == 0) return end;
    while (begin < end && static_cast<std::uint64_t>(indices[begin]) < ids) ++begin;
    return begin;
}

std::size_t find_bad(const Plan& plan, std::size_t begin, std::size_t end) noexcept {
    return plan.skips_bad ? end : find_outside(plan.kernels, plan.indices, plan.args.rows.ids, begin, end);
}

namespace {

/// Bytes of the bags before the one that begins at `start`.
std::size_t cost_before(const Plan& plan, const BagStart& start) noexcept {
    return (start.position - plan.begin) * plan.args.rows.bytes + start.bag * plan.args.rows.dim * sizeof(float);
}

/// The first bag in [first, last) that is not before what is looked for; `last` when all are.
template <class IsBefore>
std::size_t first_bag(std::size_t first, std::size_t last, const IsBefore& is_before) noexcept {
    for (std::size_t count = last - first; count > 0;) {
        const std::size_t half = count / 2;
        const bool before = is_before(first + half);
        first = before ? first + half + 1 : first;
        count = before ? count - half - 1 : half;
    }
    return first;
}

/// Bag b's start, for bags whose ends do not depend on those before them.
BagStart start_of(const Plan& plan, std::size_t bag) noexcept {
    const BagEnds& ends = plan.args.ends;
    if (bag == 0) return {0, plan.begin};
    if (bag == plan.args.last_bag) return {bag, plan.args.end};
    if (ends.kind == BagEnds::Kind::fixed) return {bag, plan.begin + bag * ends.length};
    return {bag, kernels::end_of(ends, bag - 1, plan.begin)};
}

}  // namespace

std::size_t cost_of(const Plan& plan) noexcept { return cost_before(plan, {plan.args.last_bag, plan.args.end}); }

BagStart bag_after(const Plan& plan, std::size_t cost, const BagStart& from) noexcept {
    const std::size_t num_bags = plan.args.last_bag;
    if (plan.args.ends.kind == BagEnds::Kind::lengths) {
        BagStart start = from;
        while (start.bag < num_bags && cost_before(plan, start) < cost) {
            start = {start.bag + 1, kernels::end_of(plan.args.ends, start.bag, start.position)};
        }
        return start;
    }
    const auto is_before = [&](std::size_t bag) { return cost_before(plan, start_of(plan, bag)) < cost; };
    return start_of(plan, first_bag(from.bag, num_bags, is_before));
}

PoolStatus bad_index(const Plan& plan, std::size_t position) noexcept {
    std::size_t bag = 0;
    std::size_t end = plan.begin;
    for (; bag + 1 < plan.args.last_bag; ++bag) {
        end = kernels::end_of(plan.args.ends, bag, end);
        if (end > position) break;
    }
    PoolStatus status = fault(PoolFault::index, bag, plan.indices[position], plan.args.rows.ids);
    status.table = plan.table->name();
    status.position = position;
    return status;
}

BagStart bag_at(const Plan& plan, std::size_t position, const BagStart& from) noexcept {
    const auto begins_by = [&](std::size_t bag) { return start_of(plan, bag).position <= position; };
    const std::size_t later = first_bag(from.bag + 1, plan.args.last_bag, begins_by);
    return later == from.bag + 1 ? from : start_of(plan, later - 1);
}

void read_local_rows(const Table& table, kernels::Rows& rows) noexcept {
    if (rows.count == 0) return;
    rows.data = table.local_data();
    if (rows.remap != nullptr) rows.remap = table.local_remap().data();
}

void prefetch_remap(const kernels::Rows& rows, IndexSpan indices, std::size_t begin, std::size_t end) noexcept {
    if (rows.remap == nullptr) return;
    for (std::size_t i = begin; i < end; ++i) kernels::prefetch_remap(rows, indices[i]);
}

void prefetch_rows(const kernels::Rows& rows, IndexSpan indices, std::size_t begin, std::size_t end) noexcept {
    kernels::visit_into(rows, [&]<Prefetch::Into kInto>() ROWPOOL_INLINE {
        for (std::size_t i = begin; i < end; ++i) {
            const std::size_t row = kernels::row_of(rows, indices[i]);
            if (row != kernels::kNoRow) kernels::prefetch_row<kInto>(rows, row);
        }
    });
}

void set_bags(const BagStart& first, const BagStart& last, std::size_t prefetch_end, Plan& plan) noexcept {
    kernels::PoolArgs& args = plan.args;
    args.first_bag = first.bag;
    args.last_bag = last.bag;
    args.position = first.position;
    args.end = last.position;
    if (args.rows.prefetch.distance == 0) return;
    // Where bad indices are skipped, those of later bags have not been looked at.
    args.prefetch_end = plan.skips_bad ? last.position : prefetch_end;
}

std::size_t run_bags(Plan& plan) noexcept {
    kernels::PoolArgs& args = plan.args;
    std::size_t bad = 0;
    if (plan.skips_bad) {
        const auto count_outside = plan.kernels->count_outside[args.wide_indices];
        bad = count_outside(advance(plan.indices, args.position), args.end - args.position, args.rows.ids);
    }
    args.filters = args.rows.padding >= 0 || bad > 0 || args.rows.remap != nullptr;
    kernels::pool_function(*plan.kernels, plan.codec, args)(args);
    return bad;
}

}  // namespace rowpool::exec
