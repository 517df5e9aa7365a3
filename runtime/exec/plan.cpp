// The checks of a pooling call and its way into the kernels.
#include "exec/plan.hpp"

#include "core/row_layout.hpp"
#include "cpu/dispatch.hpp"
#include "kernels/bag_cursor.hpp"

namespace rowpool::exec {
namespace {

using kernels::BagEnds;

/// The values behind the first `skip` ones.
const void* advance(IndexSpan values, std::size_t skip) noexcept {
    return static_cast<const std::byte*>(values.data()) + skip * (values.is_wide() ? 8 : 4);
}

/// Offsets never fall and never pass the last index; `offsets` has at least one entry.
PoolStatus check_offsets(IndexSpan offsets, std::size_t num_indices) noexcept {
    if (offsets[0] != 0) return fault(PoolFault::first_offset, 0, offsets[0]);
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
    const std::size_t num_indices = bags.indices().size();
    switch (bags.kind()) {
        case Bags::Kind::offsets:
        case Bags::Kind::starts:
            if (bounds.empty()) break;
            return {BagEnds::Kind::offsets, bounds.is_wide(), advance(bounds, 1), bounds.size() - 1, 0, num_indices};
        case Bags::Kind::lengths:
            return {BagEnds::Kind::lengths, bounds.is_wide(), bounds.data(), bounds.size(), 0, num_indices};
        case Bags::Kind::fixed:
            break;
    }
    return {BagEnds::Kind::fixed, false, nullptr, 0, bags.length(), num_indices};
}

PoolStatus check_weights(const BagLayout& layout, Pooling mode) noexcept {
    if (layout.weights.empty()) return {};
    if (mode == Pooling::none || mode == Pooling::max) return fault(PoolFault::weights_with_mode);
    if (layout.weights.size() == layout.indices.size()) return {};
    return fault(PoolFault::weights_size, 0, static_cast<std::int64_t>(layout.weights.size()), layout.indices.size());
}

/// How many indices ahead rows are prefetched. A table that stays in the second-level cache gains nothing from it;
/// one in memory wants more time than one in the third-level cache. Measured by bench_pool on tables of 512 KiB,
/// 16 MiB and 256 MiB.
std::size_t prefetch_distance(const Table& table) noexcept {
    const std::size_t bytes = table.rows() * table.row_stride();
    if (bytes <= std::size_t{512} << 10) return 0;
    return bytes <= std::size_t{16} << 20 ? 16 : 32;
}

kernels::Rows rows_of(const Table& table) noexcept {
    static constexpr std::byte kNoRows = {};  // kernels count from the first row, which an empty table need not have
    const RowLayout layout = row_layout(table.format(), table.dim());
    return {table.rows() != 0 ? table.data() : &kNoRows,
            table.rows(),
            table.row_stride(),
            row_bytes(table.format(), table.dim()),
            table.dim(),
            layout.codes_at,
            layout.qparams_at};
}

/// Without a bag nothing was checked of the buffer: it may be null, and the column anything.
void* first_element(const Output& out, std::size_t num_bags) noexcept {
    const std::size_t bytes = out.type() == OutputType::f32 ? 4 : 2;
    return num_bags == 0 ? out.data() : static_cast<std::byte*>(out.data()) + out.column() * bytes;
}

kernels::PoolFn kernel_of(const Plan& plan, bool filters) noexcept {
    const auto codec = static_cast<std::size_t>(plan.codec);
    const bool wide = plan.indices.is_wide();
    const bool is_max = plan.args.pooling == Pooling::max || plan.args.pooling == Pooling::none;
    return is_max ? plan.kernels->max[codec][wide][filters] : plan.kernels->sum[codec][wide][plan.weighted][filters];
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

BagEnds ends_from(const BagEnds& ends, std::size_t first) noexcept {
    BagEnds rest = ends;
    rest.values = static_cast<const std::byte*>(ends.values) + first * (ends.wide ? 8 : 4);
    rest.count = ends.count - first;
    return rest;
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

std::optional<std::int64_t> resolve_padding(const Table& table, const PaddingIndex& padding) noexcept {
    if (padding.kind() == PaddingIndex::Kind::none) return -1;
    if (padding.kind() == PaddingIndex::Kind::of_table) return table.padding_index().value_or(-1);
    const auto rows = static_cast<std::int64_t>(table.rows());
    if (padding.index() < -rows || padding.index() >= rows) return std::nullopt;
    return padding.index() < 0 ? padding.index() + rows : padding.index();
}

PoolStatus make_plan(const Table& table, const BagLayout& layout, const PoolOptions& options, const Output& out,
                     Plan& plan) noexcept {
    plan.kernels = cpu::active_kernels();
    if (plan.kernels == nullptr) return fault(PoolFault::isa);
    if (PoolStatus status = check_weights(layout, options.mode); !status) return status;
    const bool is_lookup = options.mode == Pooling::none;
    if (is_lookup && (layout.ends.kind != BagEnds::Kind::fixed || layout.ends.length != 1)) {
        return fault(PoolFault::bags_with_none);
    }
    const std::optional<std::int64_t> padding = resolve_padding(table, options.padding_index);
    if (!padding) return fault(PoolFault::padding_index, 0, options.padding_index.index(), table.rows());
    std::size_t stride = 0;
    if (PoolStatus status = check_output(out, layout.num_bags, table.dim(), stride); !status) return status;

    const std::size_t distance = prefetch_distance(table);
    plan.table = &table;
    plan.table_name = table.name();
    plan.codec = kernels::codec_of(table.format());
    plan.indices = layout.indices;
    plan.begin = layout.begin;
    plan.end = layout.end;
    plan.weighted = !layout.weights.empty();
    plan.skips_bad = options.on_bad_index == OnBadIndex::skip;
    plan.args = {.rows = rows_of(table),
                 .indices = layout.indices.data(),
                 .ends = layout.ends,
                 .weights = layout.weights.data(),
                 .first_bag = 0,
                 .last_bag = layout.num_bags,
                 .position = layout.begin,
                 .pooling = options.mode,
                 .count_all = options.divisor == Divisor::bag_length,
                 .padding = is_lookup ? -1 : *padding,
                 .prefetch_distance = distance,
                 .prefetch_end = distance == 0 ? 0 : layout.end,
                 .out = first_element(out, layout.num_bags),
                 .out_stride = stride,
                 .out_type = out.type()};
    return {};
}

PoolStatus plan_call(const Table& table, const Bags& bags, const PoolOptions& options, const Output& out,
                     Plan& plan) noexcept {
    BagLayout layout;
    PoolStatus status = check_bags(bags, layout);
    if (status) status = make_plan(table, layout, options, out, plan);
    if (!status) status.table = table.name();
    return status;
}

std::size_t count_bad(const Plan& plan, std::size_t begin, std::size_t end) noexcept {
    return plan.kernels->count_outside[plan.indices.is_wide()](advance(plan.indices, begin), end - begin,
                                                               plan.args.rows.count);
}

std::size_t find_bad(const Plan& plan, std::size_t begin, std::size_t end) noexcept {
    const auto rows = static_cast<std::int64_t>(plan.args.rows.count);
    while (begin < end && plan.indices[begin] >= 0 && plan.indices[begin] < rows) ++begin;
    return begin;
}

std::size_t position_of(const Plan& plan, std::size_t last, std::size_t first, std::size_t position) noexcept {
    const BagEnds& ends = plan.args.ends;
    if (last == first) return position;
    if (ends.kind == BagEnds::Kind::offsets) return kernels::end_of(ends, last - 1, position);
    if (ends.kind == BagEnds::Kind::fixed) return position + (last - first) * ends.length;
    for (std::size_t bag = first; bag < last; ++bag) position = kernels::end_of(ends, bag, position);
    return position;
}

PoolStatus bad_index(const Plan& plan, std::size_t position) noexcept {
    std::size_t bag = 0;
    std::size_t end = kernels::end_of(plan.args.ends, bag, plan.begin);
    while (end <= position) end = kernels::end_of(plan.args.ends, ++bag, end);
    PoolStatus status = fault(PoolFault::index, bag, plan.indices[position], plan.args.rows.count);
    status.table = plan.table_name;
    status.position = position;
    return status;
}

void run_bags(const Plan& plan, bool filters, std::size_t first, std::size_t last, std::size_t position) noexcept {
    kernels::PoolArgs args = plan.args;
    args.first_bag = first;
    args.last_bag = last;
    args.position = position;
    if (args.rows.count != 0) args.rows.data = plan.table->local_data();
    kernel_of(plan, filters)(args);
}

std::size_t cost_bytes(const Plan& plan) noexcept {
    return (plan.end - plan.begin) * plan.args.rows.bytes + plan.args.last_bag * plan.args.rows.dim * sizeof(float);
}

}  // namespace rowpool::exec
