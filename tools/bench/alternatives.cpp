// Alternatives for one table. Each is a function that measures one of them beside what is.
#include "tools/bench/alternatives.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "bench/measure/huge_buffer.hpp"
#include "rowpool/quantize.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/memory.hpp"
#include "tools/base/rows.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kLargestCopy = std::size_t{4} << 30;
constexpr std::size_t kSampleBytes = std::size_t{256} << 20;

/// How many times as fast the second subject is. Both have the same number of rows in each call.
double speedup(const Subject& now, const Subject& then) {
    const std::array<Variant, 2> variants = {pooling(now), pooling(then)};
    const std::vector<double> seconds = time_in_turns(variants, now.rows(), now.seconds, now.before);
    return seconds[0] / seconds[1];
}

/// The same table in 2 MiB pages.
std::optional<Alternative> try_huge_pages(const Subject& subject) {
    const std::size_t bytes = bytes_of(subject.table).size();
    if (bytes < kHugePage || bytes > std::min(kLargestCopy, physical_memory() / 4)) return {};
    const bench::HugeBuffer copy(bytes);
    std::memcpy(copy.bytes().data(), subject.table.data(), bytes);
    const Table& table = subject.table;
    Subject moved = subject;
    moved.table = value_of(Table::view(
        std::string(table.name()),
        {table.format(), table.rows(), table.dim(), table.row_stride(), table.padding_index()}, copy.bytes()));
    return Alternative{"2 MiB pages", speedup(subject, moved), 1};
}

/// The first rows of the subject's table, without gaps in memory of their own, and its lookups folded to them.
Subject sample_of(const Subject& subject, std::vector<std::byte>& rows) {
    const std::size_t stride = subject.table.row_stride();
    const std::size_t count = std::clamp(kSampleBytes / stride, std::size_t{1}, subject.table.rows());
    const Table first = row_range(subject.table, 0, count);
    rows.assign(bytes_of(first).begin(), bytes_of(first).end());
    Subject sample = subject;
    sample.table =
        value_of(Table::view(std::string(first.name()), {first.format(), count, first.dim(), stride, {}}, rows));
    for (Lookups& call : sample.calls) {
        for (std::int64_t& index : call.indices) index %= static_cast<std::int64_t>(count);
    }
    return sample;
}

/// Rows of int8, if they are floats: a sample of the table in both formats.
std::optional<Alternative> try_int8(const Subject& subject) {
    const RowFormat format = subject.table.format();
    if (is_coded(format)) return {};
    std::vector<std::byte> rows;
    const Subject sample = sample_of(subject, rows);
    const std::size_t dim = sample.table.dim();
    std::vector<std::byte> coded(sample.table.rows() * row_bytes(RowFormat::int8, dim));
    if (!quantize_rows(sample.table, RowFormat::int8, coded)) return {};  // no rows that int8 can hold
    Subject smaller = sample;
    smaller.table = value_of(
        Table::view(std::string(sample.table.name()), {RowFormat::int8, sample.table.rows(), dim, 0, {}}, coded));
    const double ratio =
        static_cast<double>(subject.table.row_stride()) / static_cast<double>(row_bytes(RowFormat::int8, dim));
    return Alternative{"int8 instead of " + std::string(to_string(format)), speedup(sample, smaller), ratio};
}

}  // namespace

std::vector<std::size_t> Subject::rows() const {
    std::vector<std::size_t> rows;
    for (const Lookups& call : calls) rows.push_back(call.indices.size());
    return rows;
}

Subject stored_rows(const Subject& subject) {
    Subject stored = subject;
    stored.table = row_range(subject.table, 0, subject.table.rows());
    if (subject.table.remap().empty()) return stored;
    for (Lookups& call : stored.calls) {
        for (std::int64_t& index : call.indices) {
            index = std::max<std::int64_t>(subject.table.row_of(static_cast<std::size_t>(index)), 0);
        }
    }
    return stored;
}

Variant pooling(const Subject& subject) {
    const std::size_t bags = subject.calls.front().offsets.size() - 1;
    const auto out = std::make_shared<std::vector<float>>(bags * subject.table.dim());
    return [&subject, out](std::size_t call) {
        const PoolStatus status = pool(subject.table, subject.calls[call].bags(), subject.options, *out);
        if (!status) fail(status.message());
    };
}

std::vector<Alternative> measure_alternatives(const Subject& subject) {
    std::vector<Alternative> measured;
    for (const auto& attempt : {try_huge_pages, try_int8}) {
        try {
            if (const std::optional<Alternative> alternative = attempt(subject)) measured.push_back(*alternative);
        } catch (const std::bad_alloc&) {
            continue;  // it would not fit
        }
    }
    return measured;
}

}  // namespace rowpool::tools
