// Sorts lookups by row: a stable radix sort from the lowest digit on, with the same result for every number of threads.
#include "training/lookups.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <string>
#include <utility>

namespace rowpool::train {
namespace {

/// Bits of a digit: its counters fit the L1 cache.
constexpr unsigned kDigitBits = 11;
constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;
/// Fewer lookups than this are sorted by comparison.
constexpr std::size_t kFew = 256;
/// Lookups that are worth a part of a loop.
constexpr std::size_t kLeastLookups = 8192;
/// Bags that are worth one.
constexpr std::size_t kLeastBags = 512;

/// Fills lookups[i] for index i of the bags [first, last). Padding becomes a lookup of row `rows`, which is none.
template <class Index>
void fill(const Index* indices, const BagBounds& bounds, std::size_t first, std::size_t last, std::size_t rows,
          std::int64_t padding, Places places, Lookup* lookups) {
    for (std::size_t bag = first; bag < last; ++bag) {
        for (std::size_t i = bounds.begin(bag); i < bounds.end(bag); ++i) {
            const auto row = indices[i] == padding ? rows : static_cast<std::size_t>(indices[i]);
            lookups[i] = Lookup{row} << 32 | (places == Places::bags ? bag : i);
        }
    }
}

/// Sorts by one digit of the row, from `from` to `to`. Each part counts its digits, then knows where its lookups go.
void sort_digit(std::span<const Lookup> from, Lookup* to, unsigned shift, const Loops& loops) {
    const std::size_t parts = loops.parts_of(from.size(), kLeastLookups);
    const auto digit_of = [&](Lookup lookup) { return static_cast<std::size_t>(lookup >> shift) % kDigits; };
    const auto part = [&](std::size_t p) {
        const std::size_t begin = support::part_begin(from.size(), parts, p);
        return from.subspan(begin, support::part_begin(from.size(), parts, p + 1) - begin);
    };
    std::vector<std::uint32_t> counts(parts * kDigits);
    loops.for_each(parts, [&](std::size_t p) {
        for (const Lookup lookup : part(p)) ++counts[p * kDigits + digit_of(lookup)];
    });
    std::uint32_t before = 0;
    for (std::size_t digit = 0; digit < kDigits; ++digit) {
        for (std::size_t p = 0; p < parts; ++p) before += std::exchange(counts[p * kDigits + digit], before);
    }
    loops.for_each(parts, [&](std::size_t p) {
        for (const Lookup lookup : part(p)) to[counts[p * kDigits + digit_of(lookup)]++] = lookup;
    });
}

}  // namespace

BagBounds::BagBounds(const Bags& bags) : begins_(bags.num_bags() + 1) {
    const IndexSpan bounds = bags.bounds();
    const auto end = static_cast<std::uint32_t>(bags.indices().size());
    std::uint32_t begin = 0;
    for (std::size_t bag = 0; bag < bags.num_bags(); ++bag) {
        begins_[bag] = begin;
        switch (bags.kind()) {
            case Bags::Kind::offsets:
                begin = static_cast<std::uint32_t>(bounds[bag + 1]);
                break;
            case Bags::Kind::starts:
                begin = bag + 1 < bags.num_bags() ? static_cast<std::uint32_t>(bounds[bag + 1]) : end;
                break;
            case Bags::Kind::lengths:
                begin += static_cast<std::uint32_t>(bounds[bag]);
                break;
            case Bags::Kind::fixed:
                begin += static_cast<std::uint32_t>(bags.length());
                break;
        }
    }
    begins_.back() = begin;
}

Status check_size(const Bags& bags) {
    if (bags.indices().size() < UINT32_MAX && bags.num_bags() < UINT32_MAX) return {};
    return Error{ErrorCode::invalid_argument, "a call of training takes fewer than 2^32 - 1 indices and bags, not " +
                                                  std::to_string(bags.indices().size()) + " and " +
                                                  std::to_string(bags.num_bags())};
}

SortedLookups sort_lookups(const Bags& bags, const BagBounds& bounds, std::size_t rows,
                           std::optional<std::int64_t> padding, Places places, const Loops& loops) {
    const std::size_t count = bags.indices().size();
    SortedLookups sorted = {std::make_unique_for_overwrite<Lookup[]>(2 * count), {}};
    Lookup* from = sorted.memory.get();
    Lookup* to = from + count;
    loops.for_parts(bounds.count(), kLeastBags, [&](std::size_t first, std::size_t last) {
        const void* const indices = bags.indices().data();
        if (bags.indices().is_wide()) {
            fill(static_cast<const std::int64_t*>(indices), bounds, first, last, rows, padding.value_or(-1), places,
                 from);
        } else {
            fill(static_cast<const std::int32_t*>(indices), bounds, first, last, rows, padding.value_or(-1), places,
                 from);
        }
    });
    if (count <= kFew) {
        std::sort(from, from + count);  // places ascend, so that this is the same order
    } else {
        for (unsigned bit = 0; bit < static_cast<unsigned>(std::bit_width(rows)); bit += kDigitBits) {
            sort_digit({from, count}, to, 32 + bit, loops);
            std::swap(from, to);
        }
    }
    sorted.lookups = {from, count};
    const auto is_padding = [&](Lookup lookup) { return kernels::row_of(lookup) == rows; };
    if (padding) {
        const auto end = std::partition_point(sorted.lookups.begin(), sorted.lookups.end(), std::not_fn(is_padding));
        sorted.lookups = {sorted.lookups.begin(), end};
    }
    return sorted;
}

}  // namespace rowpool::train
