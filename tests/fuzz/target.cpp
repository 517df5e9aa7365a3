// What fuzz targets share, and how libFuzzer and replay.cpp call them.
#include "tests/fuzz/target.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace rowpool::fuzz {

void require(bool holds, std::string_view what) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(what.size()), what.data());
    std::abort();
}

void touch(std::span<const std::byte> bytes) {
    std::byte sum = {};
    for (const std::byte byte : bytes) sum ^= byte;
    asm volatile("" : : "r"(sum));  // so that they are read
}

MemoryFile::MemoryFile(std::span<const std::byte> bytes)
    : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(descriptor_)) {
    const bool is_written = write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
    require(descriptor_ >= 0 && is_written, "files can be made in memory");
}

MemoryFile::~MemoryFile() { close(descriptor_); }

void require_named(std::string_view message, const std::string& path) {
    require(message.find(path) != message.npos, message);
}

}  // namespace rowpool::fuzz

// NOLINTNEXTLINE(readability-identifier-naming)
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    rowpool::fuzz::run(std::as_bytes(std::span(data, size)));
    return 0;
}
