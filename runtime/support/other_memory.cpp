// Writes other memory between two lookups.
#include "support/other_memory.hpp"

#include <string>
#include <thread>

#include "support/usable_memory.hpp"

namespace rowpool::support {
namespace {

void write_over(std::span<std::uint64_t> words) noexcept {
    for (std::uint64_t& word : words) ++word;
    asm volatile("" : : "r"(words.data()) : "memory");  // keeps the stores, although nothing reads them
}

}  // namespace

Result<OtherMemory> OtherMemory::create(std::size_t bytes, std::size_t threads) {
    constexpr std::size_t kWord = sizeof(std::uint64_t);
    if (const std::size_t most = physical_memory() / 2; bytes > most / threads) {
        std::string parts = threads > 1 ? std::to_string(threads) + " times " : "";
        return Error{ErrorCode::out_of_memory, "cannot write " + std::move(parts) + std::to_string(bytes) +
                                                   " bytes between lookups: half of the memory is " +
                                                   std::to_string(most)};
    }
    return OtherMemory((bytes + kWord - 1) / kWord, threads);
}

void OtherMemory::write() {
    const std::span<std::uint64_t> all = words_;
    const std::size_t share = all.size() / threads_;
    std::vector<std::jthread> others;
    if (share > 0) {
        for (std::size_t t = 1; t < threads_; ++t) {
            others.emplace_back([=] { write_over(all.subspan(t * share, share)); });
        }
    }
    write_over(all.first(share));
}

}  // namespace rowpool::support
