// Reading rows of any size without decoding them. Compiled once per instruction set, as the kernels are, and as they
// are without inline functions that another object may share: see docs/ARCHITECTURE.md.
#include "bench/measure/raw_gather_isa.hpp"

#include <cstring>

#include "bench/measure/lanes.hpp"

#define ROWPOOL_PASTE(a, b) a##b
#define ROWPOOL_PASTE_VALUES(a, b) ROWPOOL_PASTE(a, b)

namespace rowpool::bench {
namespace {

constexpr std::size_t kPiece = 16;
template <class T>
T load(const std::byte* p) noexcept {
    T value;
    std::memcpy(&value, p, sizeof value);
    return value;
}

/// A row shorter than a piece: the sum of its first and its last bytes, which may overlap.
template <class T>
std::uint64_t ends(const std::byte* row, std::size_t bytes) noexcept {
    return std::uint64_t{load<T>(row)} + load<T>(row + bytes - sizeof(T));
}

/// Sums of the lines and pieces that rows are cut into. Two sums of lines take turns, so that no addition waits for the
/// one before it.
struct RowSum {
    Lanes<std::uint64_t, kLine> even;
    Lanes<std::uint64_t, kLine> odd;
    Lanes<std::uint64_t, kPiece> pieces;
    std::uint64_t rest = 0;

    void add(const std::byte* row, std::size_t bytes) noexcept {
        if (bytes < kPiece) return add_short(row, bytes);
        std::size_t at = 0;
        for (; at + 2 * kLine <= bytes; at += 2 * kLine) {
            even.add(row + at);
            odd.add(row + at + kLine);
        }
        if (at + kLine <= bytes) {
            even.add(row + at);
            at += kLine;
        }
        for (; at + kPiece <= bytes; at += kPiece) pieces.add(row + at);
        if (at < bytes) pieces.add(row + bytes - kPiece);
    }

    void add_short(const std::byte* row, std::size_t bytes) noexcept {
        if (bytes >= 8) {
            rest += ends<std::uint64_t>(row, bytes);
        } else if (bytes >= 4) {
            rest += ends<std::uint32_t>(row, bytes);
        } else {
            rest += ends<std::uint16_t>(row, bytes);
        }
    }

    std::uint64_t total() const noexcept { return even.total() + odd.total() + pieces.total() + rest; }
};

/// Always inline: gcc 12 drops calls of a function that does nothing but prefetch.
template <int kLocality>
[[gnu::always_inline]] inline void prefetch_lines(const std::byte* row, std::size_t bytes) noexcept {
    for (std::size_t at = 0; at < bytes; at += kLine) __builtin_prefetch(row + at, 0, kLocality);
    __builtin_prefetch(row + bytes - 1, 0, kLocality);
}

[[gnu::always_inline]] inline void prefetch(const std::byte* row, std::size_t bytes, bool is_far) noexcept {
    is_far ? prefetch_lines<2>(row, bytes) : prefetch_lines<3>(row, bytes);
}

/// Lines that are missed in rising order make the hardware prefetcher fetch the lines after the row: docs/TUNING.md.
[[gnu::always_inline]] inline void read_end(const std::byte* row, std::size_t bytes) noexcept {
    if (bytes > 2 * kLine) static_cast<void>(*static_cast<const volatile std::byte*>(row + bytes - 1));
}

}  // namespace

std::uint64_t ROWPOOL_PASTE_VALUES(gather_rows_, ROWPOOL_KERNEL_ISA)(const std::byte* rows, std::size_t row_bytes,
                                                                     std::size_t stride, const std::int64_t* ids,
                                                                     std::size_t num_ids,
                                                                     std::size_t distance) noexcept {
    RowSum sum;
    const auto row = [&](std::size_t i) { return rows + static_cast<std::size_t>(ids[i]) * stride; };
    const bool is_far = distance >= far_distance();
    const std::size_t prefetched = distance == 0 || distance > num_ids ? 0 : num_ids - distance;
    for (std::size_t i = 0; i < prefetched; ++i) {
        prefetch(row(i + distance), row_bytes, is_far);
        if (is_far) read_end(row(i), row_bytes);
        sum.add(row(i), row_bytes);
    }
    for (std::size_t i = prefetched; i < num_ids; ++i) sum.add(row(i), row_bytes);
    return sum.total();
}

}  // namespace rowpool::bench
