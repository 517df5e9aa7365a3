// A table file from f32 rows in memory, as the convert command writes it: quantized in blocks, hashed, synced, checked.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/cases/suite.hpp"
#include "bench/workloads/workload.hpp"
#include "rowpool/engine.hpp"
#include "rowpool/table_file.hpp"
#include "rowpool/table_file_writer.hpp"

namespace rowpool::bench {
namespace {

constexpr std::size_t kDim = 64;
constexpr Place kSource = {"256 MiB", std::size_t{256} << 20, 0, 0};
constexpr std::size_t kBlockRows = std::size_t{64} << 10;
constexpr RowCoding kCodings[] = {RowFormat::int8,
                                  RowFormat::int4,
                                  {RowFormat::int4, QuantizationMethod::greedy},
                                  {RowFormat::int4, QuantizationMethod::search},
                                  RowFormat::f16};

void check(const Status& status) {
    if (!status) throw WrongResult(status.error().message);
}

template <class T>
T value_of(Result<T> result) {
    if (!result) throw WrongResult(result.error().message);
    return *std::move(result);
}

/// A path of a file that is removed again.
class TemporaryFile {
public:
    TemporaryFile() {
        const char* folder = std::getenv("TMPDIR");
        path_ = std::string(folder ? folder : "/tmp") + "/rowpool-bench-" + std::to_string(getpid()) + ".safetensors";
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::remove(path_.c_str()); }

    const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

/// Rows [first, first + count).
Table part_of(const Table& table, std::size_t first, std::size_t count) {
    const std::size_t stride = table.row_stride();
    return table_over(table.format(), count, table.dim(), {table.data() + first * stride, count * stride});
}

void convert(const Engine& engine, const Table& source, RowCoding coding, const std::string& path) {
    TableFileWriter writer =
        value_of(TableFileWriter::create(path, {{"t", {coding.format, source.rows(), source.dim(), 0, {}}}}));
    std::vector<std::byte> block(kBlockRows * row_bytes(coding.format, source.dim()));
    for (std::size_t first = 0; first < source.rows(); first += kBlockRows) {
        const std::size_t count = std::min(kBlockRows, source.rows() - first);
        const std::span<std::byte> rows = std::span(block).first(count * row_bytes(coding.format, source.dim()));
        check(engine.quantize_rows(part_of(source, first, count), coding, rows, first));
        check(writer.append(rows));
    }
    check(writer.finish());
}

/// The file's checksums must hold, and its last rows be those of the source.
void check_file(const Table& source, RowCoding coding, const std::string& path) {
    constexpr std::size_t kRows = 1000;
    const TableFile file = value_of(TableFile::open(path));
    check(file.verify());
    const Table& written = file.tables()[0];
    std::vector<std::byte> expected(kRows * row_bytes(coding.format, source.dim()));
    check(quantize_rows(part_of(source, source.rows() - kRows, kRows), coding, expected));
    const Table last = part_of(written, written.rows() - kRows, kRows);
    if (written.rows() != source.rows() || !std::equal(expected.begin(), expected.end(), last.data())) {
        throw WrongResult("wrong rows in the file");
    }
}

void write_file(benchmark::State& state, RowCoding coding, std::size_t threads) {
    const Table& source = kept<FilledTable>(RowFormat::f32, kDim, &kSource).table();
    const Engine engine({.threads = threads});
    const TemporaryFile file;
    convert(engine, source, coding, file.path());
    check_file(source, coding, file.path());

    for (auto _ : state) convert(engine, source, coding, file.path());
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kSource.table_bytes));
}

std::string name_of(RowCoding coding) {
    const std::string format(to_string(coding.format));
    return coding.method == QuantizationMethod::min_max ? format : format + "-" + std::string(to_string(coding.method));
}

}  // namespace

void register_convert() {
    for (const RowCoding coding : kCodings) {
        for (const std::size_t threads : kOneAndAll) {
            const std::string name = "convert/" + name_of(coding) + "/dim:" + std::to_string(kDim);
            add_case(name + threads_name(threads),
                     [coding, threads](benchmark::State& state) { write_file(state, coding, threads); })
                ->Iterations(2)
                ->UseRealTime();
        }
    }
}

}  // namespace rowpool::bench
