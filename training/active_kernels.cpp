// Lists the kernels of training by instruction set.
#include "training/active_kernels.hpp"

#include "rowpool/isa.hpp"

namespace rowpool::train {
namespace {

constexpr const kernels::TrainingKernels* kCompiled[] = {
#if ROWPOOL_HAVE_AVX512
    &kernels::training_kernels_avx512,
#endif
#if ROWPOOL_HAVE_AVX2
    &kernels::training_kernels_avx2,
#endif
#if ROWPOOL_HAVE_NEON
    &kernels::training_kernels_neon,
#endif
#if ROWPOOL_HAVE_GENERIC
    &kernels::training_kernels_generic,
#endif
};

}  // namespace

std::span<const kernels::TrainingKernels* const> compiled_training_kernels() noexcept { return kCompiled; }

const kernels::TrainingKernels* active_kernels() noexcept {
    static const kernels::TrainingKernels* const active = []() -> const kernels::TrainingKernels* {
        const auto isa = active_isa();
        for (const kernels::TrainingKernels* table : kCompiled) {
            if (isa && *isa == table->isa) return table;
        }
        return nullptr;
    }();
    return active;
}

}  // namespace rowpool::train
