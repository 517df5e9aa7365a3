// Which raw gather runs: that of the instruction set that lookups use.
#include "bench/measure/raw_gather.hpp"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "bench/measure/raw_gather_isa.hpp"
#include "rowpool/isa.hpp"

namespace rowpool::bench {
namespace {

struct Variant {
    std::string_view isa;
    GatherRows* gather;
};
constexpr Variant kVariants[] = {
#if ROWPOOL_HAVE_AVX512
    {"avx512", gather_rows_avx512},
#endif
#if ROWPOOL_HAVE_AVX2
    {"avx2", gather_rows_avx2},
#endif
#if ROWPOOL_HAVE_NEON
    {"neon", gather_rows_neon},
#endif
#if ROWPOOL_HAVE_GENERIC
    {"generic", gather_rows_generic},
#endif
};

GatherRows* choose() noexcept {
    const auto active = active_isa();
    const auto found =
        std::ranges::find_if(kVariants, [&](const Variant& variant) { return active && variant.isa == *active; });
    return found == std::end(kVariants) ? nullptr : found->gather;
}

}  // namespace

std::size_t far_distance() noexcept {
    constexpr long kLargeFirstLevel = 48 << 10;
    static const bool is_large = sysconf(_SC_LEVEL1_DCACHE_SIZE) >= kLargeFirstLevel;
    return is_large ? std::numeric_limits<std::size_t>::max() : 32;
}

std::uint64_t gather_rows(const RawRows& rows, std::span<const std::int64_t> ids, std::size_t distance) noexcept {
    static GatherRows* const gather = choose();
    return gather == nullptr ? 0 : gather(rows.data, rows.row_bytes, rows.stride, ids.data(), ids.size(), distance);
}

}  // namespace rowpool::bench
