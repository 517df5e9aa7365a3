// The kernel table of one instruction set, and the checks of indices and bag ends. The build compiles this file once
// per set, with its flags and ROWPOOL_KERNEL_ISA defined as its name. Everything but the table has internal linkage.
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/arch/arch.hpp"
#include "kernels/arch/isa_name.hpp"
#include "kernels/copy_few.hpp"
#include "kernels/kernel_table.hpp"

#define ROWPOOL_QUOTE_(a) #a
#define ROWPOOL_QUOTE(a) ROWPOOL_QUOTE_(a)

namespace rowpool::kernels {
namespace {

/// Counts in 32 bits, over blocks short enough not to overflow, because that vectorizes best.
template <class Index>
std::size_t count_outside(const void* values, std::size_t count, std::size_t rows) noexcept {
    using Unsigned = std::make_unsigned_t<Index>;
    constexpr std::size_t kChunk = std::size_t{1} << 16;
    constexpr std::size_t kNegative = std::size_t{1} << (8 * sizeof(Index) - 1);
    const auto* indices = static_cast<const Index*>(values);
    const auto limit = static_cast<Unsigned>(rows < kNegative ? rows : kNegative);
    std::size_t outside = 0;
    for (std::size_t begin = 0; begin < count; begin += kChunk) {
        const std::size_t end = count - begin < kChunk ? count : begin + kChunk;
        std::uint32_t found = 0;
        for (std::size_t i = begin; i < end; ++i) found += static_cast<Unsigned>(indices[i]) >= limit ? 1u : 0u;
        outside += found;
    }
    return outside;
}

/// Whether no offset is negative or below the one before it: no sign bit is set, of the offsets or of their
/// differences.
template <class Offset>
bool never_fall(const void* values, std::size_t count) noexcept {
    using Unsigned = std::make_unsigned_t<Offset>;
    const auto* offsets = static_cast<const Unsigned*>(values);
    Unsigned signs = offsets[0];
    for (std::size_t i = 1; i < count; ++i) signs |= offsets[i] | (offsets[i] - offsets[i - 1]);
    return static_cast<Offset>(signs) >= 0;
}

template <class End>
bool are_sequence(const void* values, std::size_t count, std::int64_t first, std::int64_t step) noexcept {
    using Unsigned = std::make_unsigned_t<End>;
    const auto* ends = static_cast<const Unsigned*>(values);
    auto expected = static_cast<Unsigned>(first);
    Unsigned differences = 0;
    for (std::size_t i = 0; i < count; ++i, expected += static_cast<Unsigned>(step)) differences |= ends[i] ^ expected;
    return differences == 0;
}

constexpr std::size_t kLine = 64;

template <class A>
void stream_rows(std::byte* to, std::size_t to_stride, const std::byte* from, std::size_t from_stride,
                 std::size_t bytes, std::size_t count) noexcept {
    for (std::size_t row = 0; row < count; ++row, to += to_stride, from += from_stride) {
        std::size_t byte = -reinterpret_cast<std::uintptr_t>(to) % kLine;
        if (byte != 0) copy_few<kLine>(to, from, byte);
        for (; byte + kLine <= bytes; byte += kLine) {
#pragma GCC unroll 2
            for (std::size_t at = byte; at < byte + kLine; at += sizeof(typename A::V)) {
                A::stream_f32(to + at, A::load_f32(from + at));
            }
        }
        if (byte != bytes) copy_few<kLine>(to + byte, from + byte, bytes - byte);
    }
}

template <class A>
constexpr StreamFn stream_function() noexcept {
    if constexpr (requires(std::byte * p, typename A::V v) { A::stream_f32(p, v); }) return stream_rows<A>;
    return nullptr;
}

}  // namespace

constinit const KernelTable ROWPOOL_CONCAT(kernels_, ROWPOOL_KERNEL_ISA) = {
    .isa = ROWPOOL_QUOTE(ROWPOOL_KERNEL_ISA),
    .one_block_dim = Arch::width * kMaxRowVectors,
    .block_dim = Arch::width * kMaxVectors,
    .codecs = {&ROWPOOL_KERNELS_OF(f32), &ROWPOOL_KERNELS_OF(f16), &ROWPOOL_KERNELS_OF(bf16),
               &ROWPOOL_KERNELS_OF(int8_f32), &ROWPOOL_KERNELS_OF(int8_f16), &ROWPOOL_KERNELS_OF(int4),
               &ROWPOOL_KERNELS_OF(int2)},
    .count_outside = {count_outside<std::int32_t>, count_outside<std::int64_t>},
    .never_fall = {never_fall<std::int32_t>, never_fall<std::int64_t>},
    .are_sequence = {are_sequence<std::int32_t>, are_sequence<std::int64_t>},
    .stream_rows = stream_function<Arch>(),
    .quantize = ROWPOOL_CONCAT(quantize_rows_, ROWPOOL_KERNEL_ISA),
};

}  // namespace rowpool::kernels
