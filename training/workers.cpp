// Owns the threads of training.
#include "rowpool_train/workers.hpp"

#include "training/loops.hpp"

namespace rowpool::train {

Workers::Workers(std::size_t threads) : state_(threads == 1 ? nullptr : std::make_shared<const State>(threads)) {}

std::size_t Workers::threads() const noexcept { return Loops(*this).threads(); }

}  // namespace rowpool::train
