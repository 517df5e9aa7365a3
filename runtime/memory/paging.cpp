// The system's own paging.
#include "memory/paging.hpp"

#include "memory/pages.hpp"
#include "support/usable_memory.hpp"

namespace rowpool::memory {
namespace {

/// As it is when it is first asked for: reading all limits takes several times as long as opening a file.
std::size_t usable_memory() {
    static const std::size_t bytes = support::usable_memory();
    return bytes;
}

}  // namespace

const Paging& system_paging() noexcept {
    static constexpr Paging kSystem = {usable_memory, read_singly, begin_reading};
    return kSystem;
}

bool fit_memory(std::size_t bytes, std::size_t usable_memory) noexcept {
    return bytes <= usable_memory - usable_memory / 4;
}

}  // namespace rowpool::memory
