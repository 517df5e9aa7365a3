// Writes results past the caches: an ordinary store reads the cache line that it writes to, and puts it in the place of
// rows of the table; non-temporal stores of a whole line do neither.
#pragma once

#include <algorithm>
#include <cstddef>

#include "kernels/kernel_table.hpp"

namespace rowpool::pooling {

/// Result rows at equal distances in memory, written from the first to the last. A kernel writes some of them here,
/// each at the beginning of a line because stores across lines were measured to be slow, and write() moves them to
/// where they belong.
class ResultStream {
public:
    static constexpr std::size_t kLine = 64;
    /// Bytes that a row may have.
    static constexpr std::size_t kLeast = kLine, kMost = std::size_t{16} << 10;
    /// Rows that are here at once. Of more, L1 was measured to lose the lines that expect() has prefetched.
    static constexpr std::size_t kMostRows = 16;

    /// Rows of `row_bytes` bytes, kLeast to kMost, go to out, out + out_stride, ...
    ResultStream(kernels::StreamFn stream, std::byte* out, std::size_t out_stride, std::size_t row_bytes) noexcept;
    ResultStream(const ResultStream&) = delete;
    ResultStream& operator=(const ResultStream&) = delete;
    /// Makes all that was written visible to whoever is told of it later.
    ~ResultStream();

    /// Where the next rows go, at most `capacity` of them, one every `stride` bytes.
    std::byte* rows() noexcept { return rows_; }
    std::size_t stride() const noexcept { return stride_; }
    std::size_t capacity() const noexcept { return std::min(kMostRows, kMost / stride_); }
    /// Says that write() will take `count` rows: prefetches the lines that are written by ordinary stores, because they
    /// belong to them in part.
    void expect(std::size_t count) const noexcept;
    /// Takes the first `count` of rows().
    void write(std::size_t count) noexcept;

private:
    const kernels::StreamFn stream_;
    const std::size_t row_bytes_;
    const std::size_t stride_;
    const std::size_t out_stride_;
    std::byte* next_;  // where the first of rows() belongs
    alignas(kLine) std::byte rows_[kMost];
};

}  // namespace rowpool::pooling
