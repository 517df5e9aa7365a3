// How far pooled outputs are from those of the source, were its rows in another coding.
#include "tools/convert/pooled_error.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "rowpool/pool.hpp"
#include "rowpool/quantize.hpp"
#include "tools/base/failure.hpp"

namespace rowpool::tools {

namespace {

Table view(RowFormat format, std::size_t rows, std::size_t dim, std::span<const std::byte> bytes) {
    return value_of(Table::view("", {format, rows, dim, 0, {}}, bytes));
}

std::vector<std::int64_t> distinct(std::vector<std::int64_t> rows) {
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    return rows;
}

/// Keeps the system from reading ahead while single rows of a mapped file are read: around each it might bring in as
/// much as 8 MiB. Nothing for sources whose rows do not lie in a mapping.
class SparseReads {
public:
    SparseReads(const Source& source, std::int64_t first, std::int64_t last) {
        std::vector<std::byte> buffer;
        const Table begin = source.read(static_cast<std::size_t>(first), 1, buffer);
        const auto from = reinterpret_cast<std::uintptr_t>(begin.data());
        const Table end = source.read(static_cast<std::size_t>(last), 1, buffer);
        const auto to = reinterpret_cast<std::uintptr_t>(end.data());
        const std::uintptr_t bytes = static_cast<std::uintptr_t>(last - first) * begin.row_stride();
        if (bytes == 0 || to - from != bytes) return;  // rows that are made one by one
        const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
        begin_ = from / page * page;
        size_ = to + end.row_stride() - begin_;
        advise(MADV_RANDOM);
    }
    SparseReads(const SparseReads&) = delete;
    SparseReads& operator=(const SparseReads&) = delete;
    ~SparseReads() { advise(MADV_NORMAL); }

private:
    void advise(int advice) const {                                                 // a failure costs time only
        if (size_ != 0) ::madvise(reinterpret_cast<void*>(begin_), size_, advice);  // NOLINT(performance-no-int-to-ptr)
    }

    std::uintptr_t begin_ = 0;
    std::size_t size_ = 0;
};

/// Sums over one bag.
struct BagSums {
    double error = 0;    ///< |z - y|^2
    double source = 0;   ///< |y|^2
    double coded = 0;    ///< |z|^2
    double product = 0;  ///< y.z

    BagSums(std::span<const float> wanted, std::span<const float> found) {
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            const double y = wanted[i];
            const double z = found[i];
            if (!std::isfinite(y)) continue;
            error += (z - y) * (z - y);
            source += y * y;
            coded += z * z;
            product += y * z;
        }
    }
};

/// The metrics, as bags come in.
class Metrics {
public:
    void add(const BagSums& bag) {
        error_ += bag.error;
        source_ += bag.source;
        if (bag.source == 0) return;
        ++counted_;
        const double cosine = bag.coded > 0 ? bag.product / std::sqrt(bag.source) / std::sqrt(bag.coded) : 0;
        cosines_ += cosine;
        metrics_.worst_cosine = std::min(metrics_.worst_cosine, cosine);
        metrics_.worst_relative_l2 = std::max(metrics_.worst_relative_l2, std::sqrt(bag.error / bag.source));
    }

    PooledError metrics() const {
        PooledError metrics = metrics_;
        if (error_ > 0) {
            metrics.relative_l2 = source_ > 0 ? std::sqrt(error_ / source_) : std::numeric_limits<double>::infinity();
        }
        if (counted_ > 0) metrics.cosine = cosines_ / static_cast<double>(counted_);
        return metrics;
    }

private:
    double error_ = 0;
    double source_ = 0;
    double cosines_ = 0;
    std::size_t counted_ = 0;
    PooledError metrics_;
};

}  // namespace

PooledSample::PooledSample(const Source& source, SampledBags bags)
    : format_(source.description().shape.format), dim_(source.description().shape.dim), bags_(std::move(bags)) {
    const std::vector<std::int64_t> numbers = distinct(bags_.rows);
    if (numbers.empty()) return;
    const SparseReads sparse(source, numbers.front(), numbers.back());
    rows_.resize(numbers.size() * dim_);
    std::vector<std::byte> buffer;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const Table row = source.read(static_cast<std::size_t>(numbers[i]), 1, buffer);
        check(dequantize_rows(row, 0, std::span(rows_).subspan(i * dim_, dim_)));
    }
    for (std::int64_t& row : bags_.rows) row = std::ranges::lower_bound(numbers, row) - numbers.begin();
    const Table table = view(RowFormat::f32, numbers.size(), dim_, std::as_bytes(std::span(rows_)));
    std::vector<float> sum(dim_);
    sums_.reserve(bags_.size() * dim_);
    for (std::size_t bag = 0; bag < bags_.size(); ++bag) {
        pool(table, bag, sum);
        sums_.insert(sums_.end(), sum.begin(), sum.end());
    }
}

void PooledSample::pool(const Table& table, std::size_t bag, std::vector<float>& out) const {
    const auto begin = static_cast<std::size_t>(bags_.offsets[bag]);
    const std::size_t length = static_cast<std::size_t>(bags_.offsets[bag + 1]) - begin;
    const std::span<const std::int64_t> rows = std::span(bags_.rows).subspan(begin, length);
    std::span<const float> weights;
    if (!bags_.weights.empty()) weights = std::span(bags_.weights).subspan(begin, length);
    const PoolStatus status = rowpool::pool(table, Bags::fixed(rows, 1, length, weights), {.mode = Pooling::sum}, out);
    if (!status) fail(status.message());
}

std::optional<PooledError> PooledSample::error(RowCoding coding) const {
    if (coding.format == format_ || rows_.empty()) return PooledError{};
    const std::size_t count = rows_.size() / dim_;
    std::vector<std::byte> coded(count * row_bytes(coding.format, dim_));
    const Table rows = view(RowFormat::f32, count, dim_, std::as_bytes(std::span(rows_)));
    const Status status = quantize_rows(rows, coding, coded);
    if (!status && status.error().code == ErrorCode::invalid_argument) return {};
    check(status);
    const Table table = view(coding.format, count, dim_, coded);
    std::vector<float> sum(dim_);
    Metrics metrics;
    for (std::size_t bag = 0; bag < bags_.size(); ++bag) {
        pool(table, bag, sum);
        metrics.add({std::span(sums_).subspan(bag * dim_, dim_), sum});
    }
    return metrics.metrics();
}

}  // namespace rowpool::tools
