// Owns the threads of training.
#include "rowpool_train/workers.hpp"

#include "training/loops.hpp"

namespace rowpool::train {

Workers::Workers(std::size_t threads) noexcept {
    if (threads == 1) return;
    try {
        state_ = std::make_shared<const State>(threads);
    } catch (...) {  // out of memory: the calling thread alone
    }
}

std::size_t Workers::threads() const noexcept { return Loops(*this).threads(); }

}  // namespace rowpool::train
