// Reading without decoding. Compiled for the CPU that builds it: this is a limit, no part of what is measured.
#include "bench/limits/raw_read.hpp"

#include <cstring>
#include <utility>

#include "bench/measure/lanes.hpp"
#include "bench/measure/raw_gather_isa.hpp"

namespace rowpool::bench {
namespace {
/// Sums of the pieces that rows of any size are cut into. Whole lines take turns at four sums, so that no addition
/// waits for the one before it.
struct RowSum {
    Lanes<std::uint32_t, kLine> lines[4];
    Lanes<std::uint32_t, 32> half;
    Lanes<std::uint32_t, 16> quarter;
    Lanes<std::uint32_t, 8> eighth;
    Lanes<std::uint32_t, 4> last;

    template <std::size_t kBytes, std::size_t kDone = 0>
    void add(const std::byte* row) noexcept {
        constexpr std::size_t kLeft = kBytes - kDone;
        if constexpr (kLeft >= kLine) {
            lines[kDone / kLine % 4].add(row + kDone);
            add<kBytes, kDone + kLine>(row);
        } else if constexpr (kLeft >= 32) {
            half.add(row + kDone);
            add<kBytes, kDone + 32>(row);
        } else if constexpr (kLeft >= 16) {
            quarter.add(row + kDone);
            add<kBytes, kDone + 16>(row);
        } else if constexpr (kLeft >= 8) {
            eighth.add(row + kDone);
            add<kBytes, kDone + 8>(row);
        } else if constexpr (kLeft >= 4) {
            last.add(row + kDone);
        }
    }

    std::uint32_t total() const noexcept {
        std::uint32_t sum = half.total() + quarter.total() + eighth.total() + last.total();
        for (const Lanes<std::uint32_t, kLine>& line : lines) sum += line.total();
        return sum;
    }
};

/// Always inline: gcc 12 drops calls of a function that does nothing but prefetch.
template <std::size_t kBytes, int kLocality>
[[gnu::always_inline]] inline void prefetch_lines(const std::byte* row) noexcept {
    for (std::size_t at = 0; at < kBytes; at += kLine) __builtin_prefetch(row + at, 0, kLocality);
    __builtin_prefetch(row + kBytes - 1, 0, kLocality);
}

template <std::size_t kBytes>
[[gnu::always_inline]] inline void prefetch(const std::byte* row, bool is_far) noexcept {
    is_far ? prefetch_lines<kBytes, 2>(row) : prefetch_lines<kBytes, 3>(row);
}

template <std::size_t kBytes>
std::uint32_t gather(const std::byte* rows, std::span<const std::int32_t> ids, std::size_t distance) noexcept {
    RowSum sum;
    const auto row = [rows](std::int32_t id) { return rows + static_cast<std::size_t>(id) * kBytes; };
    const bool is_far = distance >= far_distance();
    const std::size_t prefetched = distance == 0 || distance > ids.size() ? 0 : ids.size() - distance;
    for (std::size_t i = 0; i < prefetched; ++i) {
        prefetch<kBytes>(row(ids[i + distance]), is_far);
        sum.add<kBytes>(row(ids[i]));
    }
    for (std::size_t i = prefetched; i < ids.size(); ++i) sum.add<kBytes>(row(ids[i]));
    return sum.total();
}

/// Rows of 32, 64, 128 and 256 columns in int4, int8, f16 (and bf16) and f32.
using RowSizes = std::index_sequence<20, 36, 40, 64, 68, 72, 128, 132, 136, 256, 264, 512, 1024>;

template <std::size_t... kSizes>
GatherFn find_gather(std::size_t row_bytes, std::index_sequence<kSizes...>) noexcept {
    GatherFn found = nullptr;
    ((row_bytes == kSizes ? found = gather<kSizes> : found), ...);
    return found;
}

}  // namespace

std::uint32_t read_sequentially(std::span<const std::byte> bytes) noexcept {
    RowSum sum;
    constexpr std::size_t kStep = 4 * kLine;
    std::size_t at = 0;
    for (; at + kStep <= bytes.size(); at += kStep) sum.add<kStep>(bytes.data() + at);
    for (; at + 4 <= bytes.size(); at += 4) sum.add<4>(bytes.data() + at);
    return sum.total();
}

GatherFn gather_of(std::size_t row_bytes) noexcept { return find_gather(row_bytes, RowSizes()); }

}  // namespace rowpool::bench
