// See made_call.hpp.
#include "tests/fuzz/made_call.hpp"

#include <algorithm>
#include <limits>

namespace rowpool::fuzz {
namespace {

using test::Bounds;
using Numbers = std::vector<std::int64_t>;

test::MadeTable make_table(Choices& choices) {
    test::Random random(choices.below(65536));
    const RowFormat format = all_row_formats()[choices.below(all_row_formats().size())];
    const std::size_t rows = 1 + choices.below(20);
    const std::size_t dim = 1 + choices.below(choices.coin() ? 300 : 20);
    const auto values = choices.coin() ? test::Values::hostile : test::Values::tame;
    test::MadeTable made = test::make_table(random, format, rows, dim, choices.below(4), values);
    if (choices.coin()) test::add_remap(random, 1 + choices.below(40), choices.coin(), made);
    return made;
}

/// Now and then gives one of the numbers another value.
void perhaps_spoil(Choices& choices, bool wide, Numbers& numbers) {
    constexpr std::int64_t kSteps[] = {-1, 1, 2, 40};
    constexpr std::int64_t kWide[] = {std::numeric_limits<std::int64_t>::max(),
                                      std::numeric_limits<std::int64_t>::min()};
    constexpr std::int64_t kNarrow[] = {std::numeric_limits<std::int32_t>::max(),
                                        std::numeric_limits<std::int32_t>::min()};
    if (numbers.empty() || choices.below(3) != 0) return;
    std::int64_t& number = numbers[choices.below(numbers.size())];
    number = choices.coin() ? number + choices.pick(kSteps) : choices.pick(wide ? kWide : kNarrow);
}

/// What bags of these offsets are told as.
Numbers bounds_of(Bounds kind, const Numbers& offsets) {
    Numbers bounds = offsets;
    if (kind == Bounds::starts) bounds.pop_back();
    if (kind == Bounds::lengths) {
        bounds.pop_back();
        for (std::size_t b = 0; b < bounds.size(); ++b) bounds[b] = offsets[b + 1] - offsets[b];
    }
    return kind == Bounds::fixed ? Numbers() : bounds;
}

/// The sums of the lengths up to each, after a 0; nothing when one is negative or they go past `total`.
std::optional<Numbers> sums_of(const Numbers& lengths, std::int64_t total) {
    Numbers sums = {0};
    for (const std::int64_t length : lengths) {
        if (length < 0 || length > total - sums.back()) return {};
        sums.push_back(sums.back() + length);
    }
    return sums;
}

}  // namespace

MadeCall::MadeCall(Choices& choices) : made(make_table(choices)) {
    ids = made.reference.remap.empty() ? made.rows : made.reference.remap.size();
    make_form(choices);
    make_bags(choices);
    make_output(choices);
}

void MadeCall::make_form(Choices& choices) {
    constexpr Pooling kModes[] = {Pooling::sum, Pooling::mean, Pooling::sqrtn, Pooling::max, Pooling::none};
    constexpr OutputType kTypes[] = {OutputType::f32, OutputType::f16, OutputType::bf16};
    constexpr Bounds kBounds[] = {Bounds::offsets, Bounds::starts, Bounds::lengths, Bounds::fixed};
    form.mode = choices.pick(kModes);
    form.bounds = form.mode == Pooling::none ? Bounds::fixed : choices.pick(kBounds);
    form.type = choices.pick(kTypes);
    form.divisor = choices.coin() ? Divisor::bag_length : Divisor::rows_taken;
    form.wide_indices = choices.coin();
    form.wide_bounds = choices.coin();
    form.prefetch_distance = choices.below(5);
    on_bad_index = choices.coin() ? OnBadIndex::skip : OnBadIndex::fail;
    if (choices.coin()) form.padding = static_cast<std::int64_t>(choices.below(ids + 1));
}

void MadeCall::make_bags(Choices& choices) {
    num_bags = choices.below(20);
    length = form.mode == Pooling::none ? 1 : choices.below(5);
    Numbers offsets = {0};
    for (std::size_t b = 0; b < num_bags; ++b) {
        const std::size_t own = form.bounds == Bounds::fixed ? length : choices.below(6);
        offsets.push_back(offsets.back() + static_cast<std::int64_t>(own));
    }
    for (std::int64_t j = 0; j < offsets.back(); ++j) indices.push_back(static_cast<std::int64_t>(choices.below(ids)));
    bounds = bounds_of(form.bounds, offsets);
    perhaps_spoil(choices, form.wide_indices, indices);
    perhaps_spoil(choices, form.wide_bounds, bounds);
    if (choices.below(8) == 7) indices.push_back(0);
    narrow_indices = test::as<std::int32_t>(indices);
    narrow_bounds = test::as<std::int32_t>(bounds);
    test::Random random(choices.below(65536));
    if (choices.coin()) weights = test::make_weights(random, indices.size() + (choices.below(8) == 7 ? 1 : 0));
}

void MadeCall::make_output(Choices& choices) {
    out_column = choices.below(3);
    form.out_gap = choices.below(4);
    out_stride = out_column + made.dim + form.out_gap;
    out_size = out_end() + choices.below(3);
    if (num_bags > 0 && choices.below(8) == 7) out_size = out_end() - 1;
}

Bags MadeCall::bags() const {
    const IndexSpan ids_of_bags = form.wide_indices ? IndexSpan(indices) : IndexSpan(narrow_indices);
    const IndexSpan given = form.wide_bounds ? IndexSpan(bounds) : IndexSpan(narrow_bounds);
    switch (form.bounds) {
        case Bounds::offsets:
            return Bags(ids_of_bags, given, weights);
        case Bounds::starts:
            return Bags::starts(ids_of_bags, given, weights);
        case Bounds::lengths:
            return Bags::lengths(ids_of_bags, given, weights);
        case Bounds::fixed:
            break;
    }
    return Bags::fixed(ids_of_bags, num_bags, length, weights);
}

PoolOptions MadeCall::options() const {
    return {.mode = form.mode,
            .padding_index = form.padding ? PaddingIndex(*form.padding) : PaddingIndex::none(),
            .on_bad_index = on_bad_index,
            .divisor = form.divisor,
            .prefetch = Prefetch{form.prefetch_distance, Prefetch::Into::first_level}};
}

std::optional<std::vector<std::size_t>> MadeCall::offsets() const {
    const auto total = static_cast<std::int64_t>(indices.size());
    std::optional<Numbers> found = bounds;
    if (form.bounds == Bounds::starts) found->push_back(total);
    if (form.bounds == Bounds::lengths) found = sums_of(bounds, total);
    if (form.bounds == Bounds::fixed) found = sums_of(Numbers(num_bags, static_cast<std::int64_t>(length)), total);
    if (!found || found->front() != 0 || found->back() != total || !std::ranges::is_sorted(*found)) return {};
    return test::as<std::size_t>(*found);
}

bool MadeCall::is_right() const {
    const bool takes_weights = form.mode != Pooling::max && form.mode != Pooling::none;
    const auto is_id = [&](std::int64_t index) { return static_cast<std::uint64_t>(index) < ids; };
    return offsets() && (weights.empty() || (takes_weights && weights.size() == indices.size())) &&
           (!form.padding || is_id(*form.padding)) &&
           (on_bad_index == OnBadIndex::skip || std::ranges::all_of(indices, is_id)) && out_size >= out_end();
}

}  // namespace rowpool::fuzz
