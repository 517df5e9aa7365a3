// Deflated data (RFC 1951) on their way out, a piece at a time.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace rowpool::tools {

/// Inflates data that lie in memory. Not thread safe.
class Inflater {
public:
    enum class Form : std::uint8_t {
        bare,  ///< as a member of a zip archive
        gzip,  ///< one member of a gzip file (RFC 1952): its header, data, and checks
    };

    Inflater(std::span<const std::byte> packed, Form form);
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { inflateEnd(&stream_); }

    /// Fills the buffer as far as there are data; fewer bytes only at their end, or where they are bad.
    std::span<const std::byte> next(std::span<std::byte> buffer);

    /// Bytes of the deflated data that were read.
    std::size_t read() const { return stream_.total_in; }
    /// Whether the deflated data came to their end.
    bool complete() const { return status_ == Z_STREAM_END; }
    /// What is wrong with them; empty where they only end too early.
    std::string_view fault() const { return stream_.msg == nullptr ? "" : stream_.msg; }

private:
    std::span<const std::byte> packed_;
    z_stream stream_ = {};
    int status_ = Z_OK;
};

}  // namespace rowpool::tools
