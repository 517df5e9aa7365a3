// See kernel_call.hpp.
#include "tests/support/kernel_call.hpp"

#include <algorithm>
#include <cstring>

namespace rowpool::test {
namespace {

constexpr std::byte kSentry{0xab};

template <class T>
std::vector<std::byte> bytes_of_values(const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    return {bytes.begin(), bytes.end()};
}

template <class From>
std::vector<std::byte> integers(const std::vector<From>& values, bool wide) {
    return wide ? bytes_of_values(as<std::int64_t>(values)) : bytes_of_values(as<std::int32_t>(values));
}

// What kernels call bag ends: offsets without the leading zero, or lengths.
std::vector<std::size_t> ends_of(const ReferenceBags& bags, Bounds bounds) {
    std::vector<std::size_t> ends(bags.offsets.begin() + 1, bags.offsets.end());
    if (bounds == Bounds::fixed) return {};
    if (bounds == Bounds::starts && !ends.empty()) ends.pop_back();
    if (bounds != Bounds::lengths) return ends;
    for (std::size_t b = 0; b < ends.size(); ++b) ends[b] = bags.offsets[b + 1] - bags.offsets[b];
    return ends;
}

GuardedBuffer guarded(const std::vector<std::byte>& bytes, Guard guard) {
    return GuardedBuffer(std::span<const std::byte>(bytes), guard);
}

kernels::Rows rows_of(const MadeTable& table) {
    const RowParts parts = parts_of(table.format, table.dim);
    return {.data = nullptr,
            .count = table.rows,
            .stride = table.stride,
            .bytes = parts.row_bytes,
            .lines = parts.row_bytes <= 16 ? 1 : parts.row_bytes / 64 + 2,
            .dim = table.dim,
            .codes_at = parts.parameters_first ? 2 * parts.parameter_bytes : 0,
            .qparams_at = parts.parameters_first ? 0 : parts.code_bytes,
            .ids = table.reference.remap.empty() ? table.rows : table.reference.remap.size(),
            .remap = nullptr,
            .padding = -1,
            .prefetch = {},
            .whole_distance = 0};
}

}  // namespace

std::string describe(const CallForm& form) {
    return std::string(to_string(form.mode)) + (form.wide_indices ? ", int64" : ", int32") + " indices, bounds " +
           std::to_string(static_cast<int>(form.bounds)) + (form.wide_bounds ? " int64" : " int32") +
           (form.padding ? ", padding " + std::to_string(*form.padding) : "") + (form.filtering ? ", filtering" : "") +
           (form.divisor == Divisor::bag_length ? ", by bag length" : "") + ", to " +
           std::string(to_string(form.type)) + (form.guard == Guard::after ? ", guard after" : ", guard before") +
           ", gap " + std::to_string(form.out_gap) + ", prefetch " + std::to_string(form.prefetch_distance) +
           ", least run " + std::to_string(form.least_run) + ", " + std::to_string(form.bytes_at_once) +
           " bytes at once" + (form.has_small_l1 ? ", small L1" : "") +
           (form.prefetch_results ? ", results ahead" : "") + (form.in_two_parts ? ", in two parts" : "");
}

KernelCall::KernelCall(const MadeTable& table, const ReferenceBags& bags, const CallForm& form)
    : form_(form),
      format_(table.format),
      dim_(table.dim),
      num_bags_(bags.offsets.size() - 1),
      split_bag_(form.in_two_parts ? num_bags_ / 2 : num_bags_),
      split_position_(bags.offsets[split_bag_]),
      num_indices_(bags.indices.size()),
      weighted_(!bags.weights.empty()),
      rows_(rows_of(table)),
      table_(guarded(table.bytes, form.guard)),
      remap_(guarded(bytes_of_values(table.reference.remap), form.guard)),
      indices_(guarded(integers(bags.indices, form.wide_indices), form.guard)),
      bounds_(guarded(integers(ends_of(bags, form.bounds), form.wide_bounds), form.guard)),
      weights_(guarded(bytes_of_values(bags.weights), form.guard)),
      expected_(expected_output(table, bags)),
      out_(expected_.size(), form.guard) {
    rows_.data = table_.data();
    if (!table.reference.remap.empty()) rows_.remap = reinterpret_cast<const std::int32_t*>(remap_.data());
}

// The buffer ends with the last column of the last bag.
std::vector<std::byte> KernelCall::expected_output(const MadeTable& table, const ReferenceBags& bags) const {
    const ReferenceOptions options = {form_.mode, form_.padding, form_.divisor};
    const auto values = encode_output(reference_pool(table.reference, bags, options).values, form_.type);
    const std::size_t row_bytes = dim_ * element_bytes(form_.type);
    const std::size_t gap_bytes = form_.out_gap * element_bytes(form_.type);
    std::vector<std::byte> out;
    for (std::size_t b = 0; b < num_bags_; ++b) {
        if (b != 0) out.insert(out.end(), gap_bytes, kSentry);
        out.insert(out.end(), values.data() + b * row_bytes, values.data() + (b + 1) * row_bytes);
    }
    return out;
}

kernels::PoolArgs KernelCall::arguments() const {
    using Kind = kernels::BagEnds::Kind;
    const Kind kind = form_.bounds == Bounds::fixed     ? Kind::fixed
                      : form_.bounds == Bounds::lengths ? Kind::lengths
                                                        : Kind::offsets;
    kernels::PoolArgs args = {};
    args.rows = rows_;
    args.indices = indices_.data();
    args.ends = {.kind = kind,
                 .wide = form_.wide_bounds,
                 .values = bounds_.data(),
                 .length = num_bags_ == 0 ? 0 : num_indices_ / num_bags_};
    args.weights = weighted_ ? reinterpret_cast<const float*>(weights_.data()) : nullptr;
    args.wide_indices = form_.wide_indices;
    args.filters = form_.filtering;
    args.least_run = form_.least_run;
    args.bytes_at_once = form_.bytes_at_once;
    args.has_small_l1 = form_.has_small_l1;
    args.last_bag = num_bags_;
    args.end = num_indices_;
    args.pooling = form_.mode;
    args.count_all = form_.divisor == Divisor::bag_length;
    args.rows.padding = form_.padding.value_or(-1);
    using Into = Prefetch::Into;
    args.rows.prefetch = {form_.prefetch_distance,
                          form_.prefetch_to_second_level ? Into::second_level : Into::first_level};
    args.prefetch_end = form_.prefetch_distance == 0 ? 0 : num_indices_;
    args.out = out_.data();
    args.out_stride = dim_ + form_.out_gap;
    args.out_type = form_.type;
    args.results_ahead = form_.prefetch_results ? 3 * args.out_stride * sizeof(float) : 0;
    return args;
}

std::string KernelCall::difference(const kernels::KernelTable& kernels) const {
    std::fill(out_.bytes().begin(), out_.bytes().end(), kSentry);
    kernels::PoolArgs args = arguments();
    const auto run = [&](std::size_t first, std::size_t last, std::size_t begin, std::size_t end) {
        args.first_bag = first;
        args.last_bag = last;
        args.position = begin;
        args.end = end;
        kernels::pool_function(kernels, kernels::codec_of(format_), args)(args);
    };
    // The second part first: what the first one wrote past its end would otherwise be overwritten.
    run(split_bag_, num_bags_, split_position_, num_indices_);
    run(0, split_bag_, 0, split_position_);
    const auto wrong = std::mismatch(expected_.begin(), expected_.end(), out_.data());
    if (wrong.first == expected_.end()) return {};
    const auto element = static_cast<std::size_t>(wrong.first - expected_.begin()) / element_bytes(form_.type);
    return std::string(kernels.isa) + ": bag " + std::to_string(element / args.out_stride) + ", column " +
           std::to_string(element % args.out_stride);
}

}  // namespace rowpool::test
