// Chooses the kernels to run. One table lists the kernels of each variant beside their CPU test, so that the two cannot
// drift apart.
#include "cpu/dispatch.hpp"

#include <cstdlib>

#include "rowpool/isa.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace rowpool::cpu {
namespace {

using kernels::KernelTable;

#if defined(__x86_64__)
// clang 14 does not know "f16c" in __builtin_cpu_supports: CPUID leaf 1, ECX bit 29 (Intel SDM volume 2, CPUID). The
// builtin reports AVX only if the operating system saves the registers, so F16C needs no check of its own for that.
[[maybe_unused]] bool has_f16c() noexcept {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx >> 29 & 1) != 0;
}

[[maybe_unused]] bool has_avx2() noexcept {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

[[maybe_unused]] bool has_avx512() noexcept {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

[[maybe_unused]] bool always() noexcept { return true; }

struct Variant {
    const KernelTable* kernels;
    bool (*can_run)() noexcept;
};

// Best first.
constexpr Variant kVariants[] = {
#if ROWPOOL_HAVE_AVX512
    {&kernels::kernels_avx512, has_avx512},
#endif
#if ROWPOOL_HAVE_AVX2
    {&kernels::kernels_avx2, has_avx2},
#endif
#if ROWPOOL_HAVE_NEON
    {&kernels::kernels_neon, always},  // part of every aarch64
#endif
#if ROWPOOL_HAVE_GENERIC
    {&kernels::kernels_generic, always},
#endif
};

std::string names_of(const std::vector<const KernelTable*>& tables) {
    std::string names;
    for (const KernelTable* table : tables) names += (names.empty() ? "" : ", ") + std::string(table->isa);
    return names.empty() ? "none" : names;
}

std::string refusal(std::string_view isa, bool is_compiled) {
    return "ROWPOOL_ISA=" + std::string(isa) +
           (is_compiled ? ": this CPU lacks it" : ": no such instruction set in this build") +
           "; runnable here: " + names_of(runnable_kernels());
}

const Selection& active_selection() {
    static const Selection selection = [] {
        const char* isa = std::getenv("ROWPOOL_ISA");
        return select_kernels(isa != nullptr ? isa : "");
    }();
    return selection;
}

}  // namespace

std::vector<const KernelTable*> compiled_kernels() {
    std::vector<const KernelTable*> tables;
    for (const Variant& variant : kVariants) tables.push_back(variant.kernels);
    return tables;
}

std::vector<const KernelTable*> runnable_kernels() {
    std::vector<const KernelTable*> tables;
    for (const Variant& variant : kVariants) {
        if (variant.can_run()) tables.push_back(variant.kernels);
    }
    return tables;
}

Selection select_kernels(std::string_view isa) {
    for (const Variant& variant : kVariants) {
        if (!isa.empty() && isa != variant.kernels->isa) continue;
        if (variant.can_run()) return {variant.kernels, {}};
        if (!isa.empty()) return {nullptr, refusal(isa, true)};
    }
    return {nullptr, refusal(isa, false)};
}

const KernelTable* active_kernels() noexcept { return active_selection().kernels; }

}  // namespace rowpool::cpu

namespace rowpool {
namespace {

std::vector<std::string_view> names(const std::vector<const kernels::KernelTable*>& tables) {
    std::vector<std::string_view> result;
    for (const kernels::KernelTable* table : tables) result.emplace_back(table->isa);
    return result;
}

}  // namespace

Result<std::string_view> active_isa() {
    const cpu::Selection& selection = cpu::active_selection();
    if (selection.kernels == nullptr) return Error{ErrorCode::unsupported_isa, selection.error};
    return std::string_view(selection.kernels->isa);
}

std::vector<std::string_view> compiled_isas() { return names(cpu::compiled_kernels()); }
std::vector<std::string_view> runnable_isas() { return names(cpu::runnable_kernels()); }

}  // namespace rowpool
