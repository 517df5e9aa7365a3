// See result_stream.hpp.
#include "pooling/result_stream.hpp"

#include <cstdint>
#include <cstring>

namespace rowpool::pooling {

ResultStream::ResultStream(kernels::StreamFn stream_lines, std::byte* out, std::size_t row_bytes) noexcept
    : stream_lines_(stream_lines),
      row_bytes_(row_bytes),
      stride_((row_bytes + kLine - 1) / kLine * kLine),
      next_(out),
      begin_(reinterpret_cast<std::uintptr_t>(out) % kLine),
      filled_(begin_) {}

ResultStream::~ResultStream() {
    std::memcpy(next_, line_at_hand_ + begin_, filled_ - begin_);
#if defined(__SSE2__)
    __builtin_ia32_sfence();
#endif
}

void ResultStream::write(std::size_t count) noexcept {
    for (std::size_t row = 0; row < count; ++row) write_row(rows_ + row * stride_);
}

void ResultStream::write_row(const std::byte* row) noexcept {
    // A whole line is copied where less is needed: a copy of fixed size is a few instructions.
    std::memcpy(line_at_hand_ + filled_, row, kLine);
    if (begin_ == 0) {
        stream_lines_(next_, line_at_hand_, kLine);
    } else {
        std::memcpy(next_, line_at_hand_ + begin_, kLine - begin_);
    }
    next_ += kLine - begin_;
    begin_ = 0;
    const std::size_t taken = kLine - filled_;
    const std::size_t whole = (row_bytes_ - taken) / kLine * kLine;
    stream_lines_(next_, row + taken, whole);
    next_ += whole;
    filled_ = row_bytes_ - taken - whole;
    std::memcpy(line_at_hand_, row + taken + whole, kLine);
}

}  // namespace rowpool::pooling
