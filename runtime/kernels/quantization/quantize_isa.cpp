// Quantization for one instruction set, compiled once per set like kernels_isa.cpp. Only the function at the end has
// external linkage; kernels_isa.cpp puts it into the table.
#include <cstddef>

#include "core/row_layout.hpp"
#include "kernels/arch/isa_name.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/quantization/quantize_block.hpp"
#include "kernels/quantization/quantize_kernel.hpp"

namespace rowpool::kernels {
namespace {

/// Converts rows one by one.
std::size_t quantize_singly(const QuantizeArgs& args, bool is_coded) noexcept {
    for (std::size_t r = 0; r < args.rows; ++r) {
        const std::byte* row = args.source + r * args.source_stride;
        std::byte* out = args.out + r * args.out_stride;
        if (!(is_coded ? quantize_row(args, row, out) : convert_row(args, row, out))) return r;
    }
    return args.rows;
}

std::size_t quantize_in_blocks(const QuantizeArgs& args) noexcept {
    for (std::size_t first = 0; first < args.rows; first += kRowsAtOnce) {
        const std::size_t count = args.rows - first < kRowsAtOnce ? args.rows - first : kRowsAtOnce;
        const std::size_t held = QuantizedBlock(args, first, count).run();
        if (held < count) return first + held;
    }
    return args.rows;
}

}  // namespace

std::size_t ROWPOOL_CONCAT(quantize_rows_, ROWPOOL_KERNEL_ISA)(const QuantizeArgs& args) noexcept {
    const bool is_coded = qparams_bytes(args.coding.format) != 0;
    if (is_coded && args.coding.method != QuantizationMethod::min_max) return quantize_in_blocks(args);
    return quantize_singly(args, is_coded);
}

}  // namespace rowpool::kernels
