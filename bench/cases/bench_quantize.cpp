// Conversion of f32 rows to every row format, on one thread and on all, and back.
#include "rowpool/quantize.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "bench/cases/suite.hpp"
#include "bench/workloads/workload.hpp"
#include "rowpool/engine.hpp"

namespace rowpool::bench {
namespace {

constexpr std::size_t kQuantizedDims[] = {64, 128};
constexpr std::size_t kFloatBytes = std::size_t{64} << 20;
constexpr Place kFloats = {"64 MiB", kFloatBytes, 0, 0};

/// How far values in [-1, 1) may be from their decoded ones: one step of the coarsest code the format can need.
float step_of(RowFormat format) {
    switch (format) {
        case RowFormat::int2:
        case RowFormat::tbe_int2:
            return 2.0f / 3;
        case RowFormat::int4:
        case RowFormat::tbe_int4:
            return 2.0f / 15;
        default:
            return 2.0f / 255;
    }
}

/// Whether the last rows decode to about what they were.
bool is_close(const Table& source, const Table& coded) {
    constexpr std::size_t kRows = 100;
    const float step = step_of(coded.format());
    std::vector<float> expected(kRows * source.dim());
    std::vector<float> decoded(expected.size());
    const std::size_t last = source.rows() - kRows;
    if (!dequantize_rows(source, last, expected) || !dequantize_rows(coded, last, decoded)) return false;
    return std::ranges::equal(expected, decoded, [step](float x, float y) { return std::abs(x - y) <= step; });
}

/// The first rows must decode to about what the table was filled from.
void check_decoded(RowFormat format, std::size_t dim, std::span<const float> decoded) {
    const std::vector<std::byte> pattern = row_pattern(RowFormat::f32, dim);
    const float step = step_of(format);
    for (std::size_t i = 0; i < pattern.size() / sizeof(float); ++i) {
        float value;
        std::memcpy(&value, pattern.data() + i * sizeof value, sizeof value);
        if (std::abs(decoded[i] - value) > step) throw WrongResult("wrong values");
    }
}

void quantize(benchmark::State& state, RowFormat format, std::size_t dim, const Engine* engine) {
    const Table& source = kept<FilledTable>(RowFormat::f32, dim, &kFloats).table();
    const std::size_t bytes = source.rows() * row_bytes(format, dim);
    const HugeBuffer buffer(bytes);
    const auto convert = [&] {
        const std::span<std::byte> out = buffer.bytes().first(bytes);
        const Status status = engine ? engine->quantize_rows(source, format, out) : quantize_rows(source, format, out);
        if (!status) throw WrongResult(status.error().message);
    };
    convert();
    if (!is_close(source, table_over(format, source.rows(), dim, buffer.bytes()))) throw WrongResult("wrong codes");

    for (auto _ : state) convert();
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(source.rows() * source.row_stride()));
}

void dequantize(benchmark::State& state, RowFormat format, std::size_t dim) {
    const Table& table = kept<FilledTable>(format, dim, &kFloats).table();
    std::vector<float> values(std::min(table.rows(), kFloatBytes / sizeof(float) / dim) * dim);
    const auto decode = [&] {
        const Status status = dequantize_rows(table, 0, values);
        if (!status) throw WrongResult(status.error().message);
    };
    decode();
    check_decoded(format, dim, values);

    for (auto _ : state) decode();
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(values.size() * sizeof(float)));
}

}  // namespace

void register_quantize() {
    static const Engine engine;
    for (const std::size_t dim : kQuantizedDims) {
        for (const RowFormat format : all_row_formats()) {
            const std::string name = "quantize/" + std::string(to_string(format)) + "/dim:" + std::to_string(dim);
            const auto one = [format, dim](benchmark::State& state) { quantize(state, format, dim, nullptr); };
            const auto all = [format, dim](benchmark::State& state) { quantize(state, format, dim, &engine); };
            add_case(name + "/threads:1", one);
            add_case(name + "/threads:all", all)->UseRealTime();
        }
        for (const RowFormat format : all_row_formats()) {
            const std::string name = "dequantize/" + std::string(to_string(format)) + "/dim:" + std::to_string(dim);
            const auto run = [format, dim](benchmark::State& state) { dequantize(state, format, dim); };
            add_case(name, run);
        }
    }
}

}  // namespace rowpool::bench
