// Memory that is written between two lookups.
#include "bench/measure/other_memory.hpp"

#include <limits>
#include <thread>
#include <vector>

namespace rowpool::bench {

namespace {

/// Bytes of all threads; more than any machine has where they are too many to count.
std::size_t bytes_of_all(std::size_t bytes, std::size_t threads) noexcept {
    constexpr std::size_t kWord = sizeof(std::uint64_t);
    constexpr std::size_t kTooMany = std::numeric_limits<std::size_t>::max() / 2;
    return bytes > (kTooMany - kWord) / threads ? kTooMany : (bytes + kWord - 1) / kWord * kWord * threads;
}

void write_over(std::span<std::uint64_t> words) noexcept {
    for (std::uint64_t& word : words) ++word;
}

}  // namespace

OtherMemory::OtherMemory(std::size_t bytes, std::size_t threads) : threads_(threads) {
    if (bytes > 0) buffer_.emplace(bytes_of_all(bytes, threads));
}

void OtherMemory::write() const {
    const std::span<std::uint64_t> all = words();
    if (all.empty()) return;
    const std::size_t share = all.size() / threads_;
    std::vector<std::jthread> others;
    for (std::size_t t = 1; t < threads_; ++t) others.emplace_back([=] { write_over(all.subspan(t * share, share)); });
    write_over(all.first(share));
}

std::span<std::uint64_t> OtherMemory::words() const noexcept {
    if (!buffer_) return {};
    const std::span<std::byte> bytes = buffer_->bytes();
    return {reinterpret_cast<std::uint64_t*>(bytes.data()), bytes.size() / sizeof(std::uint64_t)};
}

}  // namespace rowpool::bench
