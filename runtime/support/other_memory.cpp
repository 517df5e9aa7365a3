// Memory that is written between two lookups.
#include "support/other_memory.hpp"

#include <unistd.h>

#include <string>

namespace rowpool::exec {
namespace {

std::size_t half_of_memory() noexcept {
    return static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 2;
}

}  // namespace

Result<OtherMemory> OtherMemory::create(std::size_t bytes) {
    constexpr std::size_t kWord = sizeof(std::uint64_t);
    if (const std::size_t most = half_of_memory(); bytes > most) {
        return Error{ErrorCode::out_of_memory, "cannot write " + std::to_string(bytes) +
                                                   " bytes between lookups: half of the memory is " +
                                                   std::to_string(most)};
    }
    return OtherMemory((bytes + kWord - 1) / kWord);
}

void OtherMemory::write() noexcept {
    for (std::uint64_t& word : words_) ++word;
    asm volatile("" : : "r"(words_.data()) : "memory");  // it is wanted, although nothing reads it
}

}  // namespace rowpool::exec
