// Files that gzip has compressed.
#include "tools/inputs/zip/gzip.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"

namespace rowpool::tools {

bool is_gzip(std::span<const std::byte> bytes) {
    constexpr char kMagic[] = {'\x1f', '\x8b', 8};  // the last one: deflated
    if (bytes.size() < sizeof kMagic || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0) return false;
    // So may a safetensors file, whose header has that length and begins here; gzip has flags.
    return bytes.size() <= 8 || bytes[8] != std::byte{'{'};
}

GzipReader::GzipReader(support::MappedFile file) : file_(std::move(file)) {
    inflater_.emplace(file_.bytes(), Inflater::Form::gzip);
}

std::span<const std::byte> GzipReader::next(std::span<std::byte> buffer) {
    std::size_t size = 0;
    do {
        stop_if_interrupted();
        size += inflater_->next(buffer.subspan(size)).size();
    } while (size < buffer.size() && begin_next_member());
    return buffer.first(size);
}

/// Goes on after a member that has come to its end; returns false when there is no other one.
bool GzipReader::begin_next_member() {
    if (!inflater_->complete()) {
        const std::string_view fault = inflater_->fault();
        if (fault.empty()) fail(file_.path(), ": cut short: its gzip data go on beyond its ", read(), " bytes");
        fail(file_.path(), ": byte ", read(), ": damaged gzip data (", fault, "); get the file again");
    }
    const std::span<const std::byte> rest = file_.bytes().subspan(read());
    if (std::ranges::all_of(rest, [](std::byte b) { return b == std::byte{0}; })) return false;
    if (!is_gzip(rest)) {
        fail(file_.path(), ": byte ", read(), ": ", rest.size(), " bytes follow the gzip data, and are none; get the ",
             "file again, or make one of what gunzip gives");
    }
    begin_ = read();
    inflater_.emplace(rest, Inflater::Form::gzip);
    return true;
}

}  // namespace rowpool::tools
