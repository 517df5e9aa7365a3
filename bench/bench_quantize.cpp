// Conversion of f32 rows to every row format, on one thread and on all, and back.
#include "rowpool/quantize.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bench/suite.hpp"
#include "bench/workload.hpp"
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

void quantize(benchmark::State& state, RowFormat format, std::size_t dim, const Engine* engine) {
    const Table& source = FilledTable::get(RowFormat::f32, dim, kFloats).table();
    const std::size_t bytes = source.rows() * row_bytes(format, dim);
    const HugeBuffer buffer(bytes);
    const auto convert = [&] {
        const std::span<std::byte> out = buffer.bytes().first(bytes);
        const Status status = engine ? engine->quantize_rows(source, format, out) : quantize_rows(source, format, out);
        if (!status) state.SkipWithError(status.error().message.c_str());
    };
    convert();
    if (!is_close(source, table_over(format, source.rows(), dim, buffer.bytes())))
        return state.SkipWithError("wrong codes");

    for (auto _ : state) convert();
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(source.rows() * source.row_stride()));
}

void dequantize(benchmark::State& state, RowFormat format, std::size_t dim) {
    const Table& table = FilledTable::get(format, dim, kFloats).table();
    std::vector<float> values(std::min(table.rows(), kFloatBytes / sizeof(float) / dim) * dim);
    for (auto _ : state) {
        if (!dequantize_rows(table, 0, values)) state.SkipWithError("dequantize_rows failed");
    }
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
            benchmark::RegisterBenchmark((name + "/threads:1").c_str(), one);
            benchmark::RegisterBenchmark((name + "/threads:all").c_str(), all)->UseRealTime();
        }
        for (const RowFormat format : all_row_formats()) {
            const std::string name = "dequantize/" + std::string(to_string(format)) + "/dim:" + std::to_string(dim);
            const auto run = [format, dim](benchmark::State& state) { dequantize(state, format, dim); };
            benchmark::RegisterBenchmark(name.c_str(), run);
        }
    }
}

}  // namespace rowpool::bench
