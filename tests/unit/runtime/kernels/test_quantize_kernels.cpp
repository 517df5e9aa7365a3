// The quantization kernels of every instruction set that can run here give the reference's bytes for every format,
// source type, dim and kind of row by min_max, the same bytes as each other by greedy and search, and stop at a row
// that the format cannot hold.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>

#include "cpu/dispatch.hpp"
#include "tests/support/generators.hpp"
#include "tests/support/grid.hpp"
#include "tests/support/guarded_buffer.hpp"
#include "tests/support/quantizer_rows.hpp"
#include "tests/support/reference_quantizer.hpp"

namespace rowpool::test {
namespace {

constexpr RowFormat kSources[] = {RowFormat::f32, RowFormat::f16, RowFormat::bf16};

OutputType stored_as(RowFormat source) {
    return source == RowFormat::f32 ? OutputType::f32 : source == RowFormat::f16 ? OutputType::f16 : OutputType::bf16;
}

// A row as `source` stores it, and its values after that.
struct SourceRow {
    std::vector<std::byte> bytes;
    std::vector<float> values;
};

SourceRow store(RowFormat source, const std::vector<float>& values) {
    SourceRow row = {encode_output(values, stored_as(source)), {}};
    row.values = read_table(source, 1, values.size(), row.bytes.size(), row.bytes.data()).rows[0].values;
    return row;
}

// Quantizes one row that lies between forbidden pages; nothing when the kernel refuses it.
std::optional<std::vector<std::byte>> quantize(const kernels::KernelTable& kernels, RowFormat source,
                                               const SourceRow& row, RowCoding coding) {
    const std::size_t dim = row.values.size();
    const GuardedBuffer in(std::span<const std::byte>{row.bytes});
    const GuardedBuffer out(parts_of(coding.format, dim).row_bytes);
    std::vector<float> scratch(kernels::kRowsAtOnce * dim);
    const kernels::QuantizeArgs args = {.source = in.data(),
                                        .source_format = source,
                                        .source_stride = in.size(),
                                        .out = out.data(),
                                        .coding = coding,
                                        .out_stride = out.size(),
                                        .rows = 1,
                                        .dim = dim,
                                        .scratch = scratch.data()};
    if (kernels.quantize(args) == 0) return std::nullopt;
    return std::vector<std::byte>(out.bytes().begin(), out.bytes().end());
}

void check_row(const std::vector<float>& values, RowFormat source) {
    const SourceRow row = store(source, values);
    for (const RowFormat format : all_row_formats()) {
        const auto expected = reference_quantize(row.values, format);
        for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
            INFO(std::string(kernels->isa), ", ", to_string(source), " to ", to_string(format), ", dim ", values.size(),
                 ", first value ", values[0]);
            REQUIRE((quantize(*kernels, source, row, format) == expected));
        }
    }
}

// By greedy and search every instruction set gives what the first one does, and refuses what min_max refuses.
void check_methods(const std::vector<float>& values, RowFormat source) {
    const SourceRow row = store(source, values);
    for (const RowFormat format : all_row_formats()) {
        for (const auto method : {QuantizationMethod::greedy, QuantizationMethod::search}) {
            if (!is_available({format, method})) continue;
            const auto expected = quantize(*cpu::runnable_kernels()[0], source, row, {format, method});
            REQUIRE(expected.has_value() == reference_quantize(row.values, format).has_value());
            for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
                INFO(std::string(kernels->isa), ", ", to_string(source), " to ", to_string(format), " by ",
                     to_string(method), ", dim ", values.size(), ", first value ", values[0]);
                REQUIRE((quantize(*kernels, source, row, {format, method}) == expected));
            }
        }
    }
}

TEST_CASE("random rows of every dim equal the reference") {
    Random random(31);
    for (const RowFormat source : kSources) {
        for (const std::size_t dim : grid_dims()) {
            for (int i = 0; i < 8; ++i) check_row(random_row(random, dim), source);
        }
    }
}

TEST_CASE("rows made to go wrong equal the reference") {
    for (const RowFormat source : kSources) {
        for (const std::vector<float>& row : hard_rows()) check_row(row, source);
    }
}

TEST_CASE("greedy and search give the same bytes on every instruction set") {
    Random random(32);
    for (const RowFormat source : kSources) {
        for (const std::size_t dim : grid_dims()) check_methods(random_row(random, dim), source);
        for (const std::vector<float>& row : hard_rows()) check_methods(row, source);
    }
}

TEST_CASE("the sign of a zero minimum is the reference's at every place") {
    for (const std::size_t dim : {std::size_t{3}, std::size_t{8}, std::size_t{19}, std::size_t{72}}) {
        for (std::size_t at = 0; at < dim; ++at) {
            std::vector<float> row(dim, 0.0f);
            row[at] = -0.0f;
            check_row(row, RowFormat::f32);
            for (float& value : row) value = -value;
            check_row(row, RowFormat::f32);
        }
    }
}

TEST_CASE("the first row that cannot be held is named, at every row and column") {
    constexpr std::size_t kRows = 5;
    constexpr std::size_t kDim = 19;
    for (std::size_t at = 0; at < kRows * kDim; ++at) {
        std::vector<float> values(kRows * kDim, 0.5f);
        values[at] = at % 2 == 0 ? std::nanf("") : -INFINITY;
        std::vector<std::byte> out(kRows * parts_of(RowFormat::int4, kDim).row_bytes);
        const kernels::QuantizeArgs args = {.source = std::as_bytes(std::span(values)).data(),
                                            .source_format = RowFormat::f32,
                                            .source_stride = kDim * sizeof(float),
                                            .out = out.data(),
                                            .coding = RowFormat::int4,
                                            .out_stride = out.size() / kRows,
                                            .rows = kRows,
                                            .dim = kDim,
                                            .scratch = nullptr};
        for (const kernels::KernelTable* kernels : cpu::runnable_kernels()) {
            CAPTURE(std::string(kernels->isa));
            REQUIRE(kernels->quantize(args) == at / kDim);
        }
    }
}

}  // namespace
}  // namespace rowpool::test
