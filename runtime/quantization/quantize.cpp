// Conversion between row formats on the calling thread, and the error for a row that a format cannot represent.
#include "rowpool/quantize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "cpu/dispatch.hpp"
#include "quantization/quantize_steps.hpp"
#include "rowpool/isa.hpp"
#include "rowpool/pool.hpp"
#include "support/boundary.hpp"
#include "support/checked_math.hpp"
#include "support/text.hpp"

namespace rowpool {
namespace quantization {
namespace {

Error invalid(const Table& table, const std::string& what) {
    return {ErrorCode::invalid_argument, "table " + support::printable(table.name()) + what};
}

}  // namespace

Status check_quantize(const Table& source, RowCoding coding, std::span<std::byte> out) {
    if (const auto isa = active_isa(); !isa) return isa.error();
    if (is_coded(source.format())) {
        return invalid(source, ": rows are " + std::string(to_string(source.format())) + ", not f32, f16 or bf16");
    }
    if (!is_available(coding)) {
        return invalid(source, ": " + std::string(to_string(coding.method)) + " quantizes to 4 or 2 bits, not to " +
                                   std::string(to_string(coding.format)));
    }
    const std::optional<std::size_t> bytes =
        support::checked_mul(source.rows(), row_bytes(coding.format, source.dim()));
    if (bytes == out.size()) return {};
    return invalid(source, ": output has " + std::to_string(out.size()) + " bytes, not rows * row bytes");
}

std::size_t quantize_range(const Table& source, RowCoding coding, std::span<std::byte> out, std::size_t first,
                           std::size_t last) {
    const std::size_t out_stride = row_bytes(coding.format, source.dim());
    const bool searches = is_coded(coding.format) && coding.method != QuantizationMethod::min_max;
    std::vector<float> scratch(searches ? kernels::kRowsAtOnce * source.dim() : 0);
    return first + cpu::active_kernels()->quantize({.source = source.data() + first * source.row_stride(),
                                                    .source_format = source.format(),
                                                    .source_stride = source.row_stride(),
                                                    .out = out.data() + first * out_stride,
                                                    .coding = coding,
                                                    .out_stride = out_stride,
                                                    .rows = last - first,
                                                    .dim = source.dim(),
                                                    .scratch = scratch.data()});
}

Error bad_row(const Table& source, RowFormat format, std::size_t row, std::size_t number) {
    std::vector<float> values(source.dim());
    if (const Status status = dequantize_rows(source, row, values); !status) return status.error();
    const auto not_finite = std::find_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
    const std::string where = ", row " + std::to_string(number) + ": ";
    if (is_coded(format) && not_finite != values.end()) {
        return invalid(source, where + "column " + std::to_string(not_finite - values.begin()) +
                                   (std::isnan(*not_finite) ? " is NaN" : " is infinite"));
    }
    return invalid(source, where +
                               (is_coded(format) ? "scale or bias would not be finite as "
                                                 : "a finite value would become infinite as ") +
                               std::string(to_string(format)));
}

}  // namespace quantization

Status quantize_rows(const Table& source, RowCoding coding, std::span<std::byte> out, std::size_t first) {
    return support::without_exceptions([&]() -> Status {
        if (Status status = quantization::check_quantize(source, coding, out); !status) return status;
        const std::size_t row = quantization::quantize_range(source, coding, out, 0, source.rows());
        return row == source.rows() ? Status() : quantization::bad_row(source, coding.format, row, first + row);
    });
}

Status dequantize_rows(const Table& table, std::size_t first, std::span<float> out) {
    return support::without_exceptions([&]() -> Status {
        const std::size_t count = out.size() / table.dim();
        if (out.size() % table.dim() != 0 || first > table.num_ids() || count > table.num_ids() - first) {
            return Error{ErrorCode::invalid_argument, "table " + support::printable(table.name()) + ": " +
                                                          std::to_string(out.size()) + " values from row " +
                                                          std::to_string(first) + " are not whole rows of it"};
        }
        // A plain lookup of consecutive rows, a short run of indices at a time.
        std::array<std::int64_t, 256> indices;
        for (std::size_t done = 0; done < count; done += indices.size()) {
            const std::size_t rows = std::min(indices.size(), count - done);
            std::iota(indices.begin(), indices.end(), static_cast<std::int64_t>(first + done));
            const PoolStatus status =
                pool(table, Bags::rows(std::span<const std::int64_t>(indices.data(), rows)), {.mode = Pooling::none},
                     out.subspan(done * table.dim(), rows * table.dim()));
            if (!status) return Error{status.code, status.message()};
        }
        return {};
    });
}

}  // namespace rowpool
