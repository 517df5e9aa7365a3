// See result_stream.hpp.
#include "pooling/result_stream.hpp"

#include <cstdint>

#include "kernels/rows.hpp"

namespace rowpool::pooling {
namespace {

bool begins_line(const std::byte* p) noexcept { return reinterpret_cast<std::uintptr_t>(p) % ResultStream::kLine == 0; }

}  // namespace

ResultStream::ResultStream(kernels::StreamFn stream, std::byte* out, std::size_t out_stride,
                           std::size_t row_bytes) noexcept
    : stream_(stream),
      row_bytes_(row_bytes),
      stride_((row_bytes + kLine - 1) / kLine * kLine),
      out_stride_(out_stride),
      next_(out) {}

ResultStream::~ResultStream() {
#if defined(__SSE2__)
    __builtin_ia32_sfence();
#endif
}

void ResultStream::expect(std::size_t count) const noexcept {
    for (std::size_t row = 0; row < count; ++row) {
        const std::byte* const begin = next_ + row * out_stride_;
        const std::byte* const end = begin + row_bytes_;
        if (!begins_line(begin)) kernels::prefetch_for_write(begin);
        if (!begins_line(end)) kernels::prefetch_for_write(end - 1);
    }
}

void ResultStream::write(std::size_t count) noexcept {
    stream_(next_, out_stride_, rows_, stride_, row_bytes_, count);
    next_ += count * out_stride_;
}

}  // namespace rowpool::pooling
