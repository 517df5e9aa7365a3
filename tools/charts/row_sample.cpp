// Some rows of a table, decoded: what the plots of a table of any size are made from.
#include "tools/charts/row_sample.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/row_layout.hpp"
#include "rowpool/quantize.hpp"
#include "support/norms.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/rows.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kRunBytes = 4096 * sizeof(float);

/// The scales of the rows of a coded table, as a table of one column.
Table scales_of(const Table& table) {
    const std::size_t scale_bytes = qparams_bytes(table.format()) / 2;
    const RowFormat format = scale_bytes == sizeof(float) ? RowFormat::f32 : RowFormat::f16;
    const TableShape shape = {format, table.rows(), 1, table.row_stride(), {}};
    const std::size_t bytes = (table.rows() - 1) * table.row_stride() + scale_bytes;
    return value_of(Table::view("", shape, {table.data() + row_layout(table.format(), table.dim()).qparams_at, bytes}));
}

/// Adds the decoded values of all rows of a table.
void append_decoded(const Table& table, std::vector<float>& values) {
    const std::size_t before = values.size();
    values.resize(before + table.rows() * table.dim());
    check(dequantize_rows(table, 0, std::span(values).subspan(before)));
}

void append_rows(const Table& rows, RowSample& sample) {
    append_decoded(rows, sample.values);
    if (is_coded(rows.format())) append_decoded(scales_of(rows), sample.steps);
    sample.rows += rows.rows();
}

}  // namespace

RowSample sample_rows(const Table& table, std::size_t runs) {
    const std::size_t run_rows = rows_in(kRunBytes, table.dim());
    RowSample sample;
    if (table.rows() / run_rows < runs) {
        if (table.rows() > 0) append_rows(table, sample);
    } else {
        const std::size_t last = table.rows() - run_rows;
        for (std::size_t i = 0; i < runs; ++i) {
            const double place = static_cast<double>(i) / static_cast<double>(std::max<std::size_t>(1, runs - 1));
            const auto first = static_cast<std::size_t>(place * static_cast<double>(last));
            append_rows(row_range(table, std::min(first, last), run_rows), sample);
        }
    }
    for (std::size_t row = 0; row < sample.rows; ++row) {
        const auto values = std::span(sample.values).subspan(row * table.dim(), table.dim());
        sample.norms.push_back(static_cast<float>(support::norm_of(values, 2)));
    }
    return sample;
}

}  // namespace rowpool::tools
