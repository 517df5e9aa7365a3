// Memory in huge pages, and what the system says it can spare.
#include "bench/measure/huge_buffer.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <string>

namespace rowpool::bench {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kLeftToOthers = std::size_t{512} << 20;

/// What can be taken without swapping; no limit where the system does not say.
std::size_t available_bytes() {
    std::ifstream file("/proc/meminfo");
    for (std::string word; file >> word;) {
        std::size_t kibibytes = 0;
        if (word == "MemAvailable:" && file >> kibibytes) return kibibytes << 10;
    }
    return std::numeric_limits<std::size_t>::max();
}

void check_available(std::size_t bytes) {
    const std::size_t available = available_bytes();
    if (bytes <= available && kLeftToOthers <= available - bytes) return;
    constexpr double kGiB = 1 << 30;
    char message[96];
    std::snprintf(message, sizeof message, "needs %.1f GiB and leaves 0.5 to others; %.1f GiB are available",
                  static_cast<double>(bytes) / kGiB, static_cast<double>(available) / kGiB);
    throw TooLittleMemory(message);
}

}  // namespace

HugeBuffer::HugeBuffer(std::size_t bytes)
    : mapping_(nullptr), mapped_((bytes + kHugePage - 1) / kHugePage * kHugePage + kHugePage) {
    check_available(mapped_);
    mapping_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping_ == MAP_FAILED) throw TooLittleMemory("cannot map " + std::to_string(mapped_) + " bytes");
    madvise(mapping_, mapped_, MADV_HUGEPAGE);  // a wish: where huge pages are off, the report's context says so
    const std::size_t skipped = kHugePage - reinterpret_cast<std::uintptr_t>(mapping_) % kHugePage;
    bytes_ = {static_cast<std::byte*>(mapping_) + skipped, bytes};
}

HugeBuffer::~HugeBuffer() { munmap(mapping_, mapped_); }

}  // namespace rowpool::bench
