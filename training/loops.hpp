// Parallel loops over the threads of a Workers object.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "rowpool/engine.hpp"
#include "rowpool/export.hpp"
#include "rowpool_train/workers.hpp"
#include "support/parallel.hpp"
#include "support/thread_pool.hpp"

namespace rowpool::train {

struct Workers::State {
    explicit State(std::size_t threads) : engine({threads}), pool(new support::ThreadPool(engine.threads())) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (pool->is_here()) delete pool;  // the threads of a parent process cannot be joined
    }

    Engine engine;  ///< for lookups
    support::ThreadPool* const pool;
};

class ROWPOOL_LOCAL Loops {
public:
    explicit Loops(const Workers& workers) noexcept : state_(workers.state_.get()) {}

    /// Null for the calling thread alone.
    const Engine* engine() const noexcept { return is_alone() ? nullptr : &state_->engine; }
    std::size_t threads() const noexcept { return is_alone() ? 1 : state_->pool->threads(); }

    /// Calls body(i) for i in [0, count).
    template <class Body>
    void for_each(std::size_t count, const Body& body) const {
        if (!is_alone()) return state_->pool->for_each(count, body);
        for (std::size_t i = 0; i < count; ++i) body(i);
    }

    /// Parts to cut a loop of `count` into: several for each thread, so that a delayed one loses little, and none of
    /// fewer than `least`.
    std::size_t parts_of(std::size_t count, std::size_t least) const noexcept {
        const std::size_t most = threads() == 1 ? 1 : kPartsPerThread * threads();
        return std::clamp<std::size_t>(count / std::max<std::size_t>(least, 1), 1, most);
    }

    /// Calls body(begin, end) for these parts of [0, count).
    template <class Body>
    void for_parts(std::size_t count, std::size_t least, const Body& body) const {
        const std::size_t parts = parts_of(count, least);
        for_each(parts, [&](std::size_t p) {
            body(support::part_begin(count, parts, p), support::part_begin(count, parts, p + 1));
        });
    }

    /// Calls body(begin, end, buffer) for these parts, each with so many floats of its own. They are allocated first:
    /// what the body changes is not left half changed when there is no memory for them.
    template <class Body>
    void for_parts_with(std::size_t floats, std::size_t count, std::size_t least, const Body& body) const {
        const std::size_t parts = parts_of(count, least);
        std::vector<float> buffers(parts * floats);
        for_each(parts, [&](std::size_t p) {
            body(support::part_begin(count, parts, p), support::part_begin(count, parts, p + 1),
                 buffers.data() + p * floats);
        });
    }

private:
    static constexpr std::size_t kPartsPerThread = 4;

    /// The threads of a parent process do not exist in a child.
    bool is_alone() const noexcept { return state_ == nullptr || !state_->pool->is_here(); }

    const Workers::State* state_;
};

}  // namespace rowpool::train
