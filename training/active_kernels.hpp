// Which kernels of training run: those of the instruction set that the runtime uses.
#pragma once

#include <span>

#include "training/kernels/training_kernels.hpp"

namespace rowpool::train {

/// Those that were compiled in; best first.
std::span<const kernels::TrainingKernels* const> compiled_training_kernels() noexcept;

/// Those of rowpool::active_isa(); null when ROWPOOL_ISA names an instruction set that cannot run here.
const kernels::TrainingKernels* active_kernels() noexcept;

}  // namespace rowpool::train
