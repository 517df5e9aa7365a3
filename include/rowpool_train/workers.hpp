// The threads that training runs on.
#pragma once

#include <cstddef>
#include <memory>

#include "rowpool/engine.hpp"
#include "rowpool/export.hpp"

namespace rowpool::train {

/// Threads for the calls of training, which take them as their last argument and run on the calling thread without
/// them. Results have the same bits for every number of threads. Cheap to copy; any number of calls may share them,
/// also at once. They sleep while there is no call; lookups have as many of their own (see Engine). In a child of
/// fork(), calls run on the calling thread.
class ROWPOOL_API Workers {
public:
    /// The calling thread alone. Allocates nothing.
    Workers() noexcept = default;
    /// That many threads, with the calling one: at most 1024, 0 means one for each core, as EngineOptions::threads.
    /// When the system cannot create some of them, the others do the work.
    explicit Workers(std::size_t threads) noexcept;

    /// The number of threads that work on a call.
    std::size_t threads() const noexcept;

private:
    friend class Loops;
    struct ROWPOOL_LOCAL State;
    std::shared_ptr<const State> state_;
};

}  // namespace rowpool::train
