// The rows of a table that point where a vector points.
#include "tools/compare/nearest_rows.hpp"

#include <algorithm>
#include <cmath>

#include "rowpool/quantize.hpp"
#include "support/parallel.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/rows.hpp"

namespace rowpool::tools {

namespace {

double dot(std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

}  // namespace

std::vector<double> cosines(const Table& table, std::span<const float> query) {
    const double query_norm = std::sqrt(dot(query, query));
    if (!(query_norm > 0) || std::isinf(query_norm)) fail("the named rows pool to a vector without a direction");
    std::vector<double> scores(table.num_ids());
    const std::size_t step = rows_in(kChunkBytes, table.dim());
    support::parallel_for((table.num_ids() + step - 1) / step, [&](std::size_t chunk) {
        const std::size_t first = chunk * step;
        std::vector<float> rows(std::min(step, table.num_ids() - first) * table.dim());
        check(dequantize_rows(table, first, rows));
        for (std::size_t i = 0; i * table.dim() < rows.size(); ++i) {
            const std::span<const float> row = std::span(rows).subspan(i * table.dim(), table.dim());
            const double score = dot(row, query) / (std::sqrt(dot(row, row)) * query_norm);
            scores[first + i] = std::isfinite(score) ? score : kNoScore;
        }
    });
    return scores;
}

std::vector<std::size_t> best_rows(const std::vector<double>& scores, std::size_t count) {
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < scores.size(); ++row) {
        if (scores[row] != kNoScore) rows.push_back(row);
    }
    const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(std::min(count, rows.size()));
    std::partial_sort(rows.begin(), middle, rows.end(), [&](std::size_t a, std::size_t b) {
        return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
    });
    rows.erase(middle, rows.end());
    return rows;
}

}  // namespace rowpool::tools
