// Chooses the kernels to run: from what was compiled in, what this CPU supports and what ROWPOOL_ISA asks for.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/kernel_table.hpp"

namespace rowpool::cpu {

/// Compiled in; best first.
std::vector<const kernels::KernelTable*> compiled_kernels();
/// Those of them that this CPU and its operating system support; never empty when generic was compiled in.
std::vector<const kernels::KernelTable*> runnable_kernels();

/// The choice: kernels, or null and the reason.
struct Selection {
    const kernels::KernelTable* kernels = nullptr;
    std::string error;
};

/// The kernels called `isa`, or the best ones when `isa` is empty.
Selection select_kernels(std::string_view isa);

/// select_kernels(ROWPOOL_ISA), computed once at the first call. Null when ROWPOOL_ISA cannot be honoured; active_isa()
/// says why.
const kernels::KernelTable* active_kernels() noexcept;

}  // namespace rowpool::cpu
