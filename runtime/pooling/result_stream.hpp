// Writes results past the caches: an ordinary store reads the cache line that it writes to, and puts it in the place of
// rows of the table; non-temporal stores of a whole line do neither.
#pragma once

#include <cstddef>

#include "kernels/kernel_table.hpp"

namespace rowpool::pooling {

/// Result rows that follow one another in memory, written from the first to the last. A kernel writes some of them
/// here, each at the beginning of a line because stores across lines were measured to be slow, and write() moves them
/// to where they belong: whole lines by non-temporal stores, the parts of lines at both ends, whose other bytes may be
/// another thread's, by ordinary ones.
class ResultStream {
public:
    static constexpr std::size_t kLine = 64;
    /// Bytes that a row may have.
    static constexpr std::size_t kLeast = kLine, kMost = std::size_t{16} << 10;

    /// Rows of so many bytes, kLeast to kMost, go to `out`.
    ResultStream(kernels::StreamFn stream_lines, std::byte* out, std::size_t row_bytes) noexcept;
    ResultStream(const ResultStream&) = delete;
    ResultStream& operator=(const ResultStream&) = delete;
    /// Writes what is left, and makes all visible to whoever is told of it later.
    ~ResultStream();

    /// Where the next rows go, at most `capacity` of them, one every `stride` bytes.
    std::byte* rows() noexcept { return rows_; }
    std::size_t stride() const noexcept { return stride_; }
    std::size_t capacity() const noexcept { return kMost / stride_; }
    /// Takes the first `count` of rows().
    void write(std::size_t count) noexcept;

private:
    void write_row(const std::byte* row) noexcept;

    const kernels::StreamFn stream_lines_;
    const std::size_t row_bytes_;
    const std::size_t stride_;
    std::byte* next_;                                   // what follows the bytes that are where they belong
    std::size_t begin_;                                 // offset of next_ in its line, the one at hand
    std::size_t filled_;                                // that of the first byte that is not known yet
    alignas(kLine) std::byte line_at_hand_[2 * kLine];  // and room for copies of a whole line
    alignas(kLine) std::byte rows_[kMost + kLine];
};

}  // namespace rowpool::pooling
