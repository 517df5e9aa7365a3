// Counts forks.
#include "support/forks.hpp"

#include <pthread.h>

#include <atomic>

namespace rowpool::support {
namespace {

std::atomic<unsigned> forks = 0;

// Process ids would not do: they are reused, and the first process of a namespace always has id 1.
[[maybe_unused]] const int kRegistered = pthread_atfork(nullptr, nullptr, [] { ++forks; });

}  // namespace

unsigned fork_number() noexcept { return forks.load(std::memory_order_relaxed); }

}  // namespace rowpool::support
