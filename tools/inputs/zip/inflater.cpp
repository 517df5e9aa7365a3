// Deflated data (RFC 1951) on their way out, a piece at a time.
#include "tools/inputs/zip/inflater.hpp"

#include <algorithm>
#include <new>

namespace rowpool::tools {

namespace {

constexpr std::size_t kMostInput = std::size_t{1} << 20;  // of what zlib, whose sizes have 32 bits, is given at once
constexpr int kBare = -MAX_WBITS;
constexpr int kGzip = 16 + MAX_WBITS;

}  // namespace

Inflater::Inflater(std::span<const std::byte> packed, Form form) : packed_(packed) {
    if (inflateInit2(&stream_, form == Form::bare ? kBare : kGzip) != Z_OK) throw std::bad_alloc();
}

std::span<const std::byte> Inflater::next(std::span<std::byte> buffer) {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_.avail_out = static_cast<uInt>(buffer.size());
    while (status_ == Z_OK && stream_.avail_out > 0) {
        const std::span<const std::byte> input = packed_.subspan(stream_.total_in);
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));  // zlib only reads it
        stream_.avail_in = static_cast<uInt>(std::min(kMostInput, input.size()));
        status_ = inflate(&stream_, Z_NO_FLUSH);
    }
    if (status_ == Z_MEM_ERROR) throw std::bad_alloc();
    return buffer.first(buffer.size() - stream_.avail_out);
}

}  // namespace rowpool::tools
