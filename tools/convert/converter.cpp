// The rows of one table from a source to a table file, in blocks and on all cores.
#include "tools/convert/converter.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "core/row_layout.hpp"
#include "rowpool/quantize.hpp"
#include "support/cores.hpp"
#include "support/thread_pool.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"
#include "tools/compare/error_sums.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kChunksPerBlock = 16;  // a block is what is in memory at once

std::string quantization_of(RowCoding coding) {
    const RowFormat format = coding.format;
    if (!is_coded(format)) return {};
    if (coding.method == QuantizationMethod::greedy) return "greedy (PyTorch optimized_qparams)";
    if (coding.method == QuantizationMethod::search) return "search (least squares)";
    const bool of_pytorch = format == RowFormat::int8 || format == RowFormat::int4 || format == RowFormat::int2;
    return of_pytorch ? "min-max (PyTorch prepack)" : "min-max (FBGEMM n-bit rowwise)";
}

/// Whether rows are converted without coding them anew: both have the same codes, scale and bias, perhaps in another
/// order.
bool keeps_codes(RowFormat from, RowFormat to) {
    const bool same_parts = element_bits(from) == element_bits(to) && qparams_bytes(from) == qparams_bytes(to);
    return from == to || (is_coded(from) && same_parts);
}

/// A row that the format cannot hold.
class BadRow : public Failure {
public:
    using Failure::Failure;
};

/// What is known of rows once they are converted.
struct Converted {
    ErrorSums sums;
    std::size_t zeroed = 0;
    std::span<const std::byte> input;  ///< where the rows lie in the input; empty when they were put together

    /// Takes in what is known of the rows that follow.
    void merge(const Converted& next) {
        sums.merge(next.sums);
        zeroed += next.zeroed;
    }
};

/// How the rows of a source are converted.
struct Conversion {
    const Source& source;
    RowCoding coding;
    OnBadRow on_bad_row;
};

/// Rows of one source on their way into one format: at least one.
class Chunk {
public:
    Chunk(const Conversion& conversion, std::size_t first, std::size_t count)
        : source_(conversion.source),
          coding_(conversion.coding),
          zeroes_bad_(conversion.on_bad_row == OnBadRow::zero),
          first_(first),
          table_(source_.read(first, count, stored_)) {}

    /// Puts the rows into `out`, which has their exact size in the new format.
    Converted write(std::span<std::byte> out) {
        Converted converted;
        if (stored_.empty()) converted.input = bytes_of(table_);
        if (keeps_codes(table_.format(), coding_.format)) {
            copy(out);
            return converted;
        }
        if (is_coded(table_.format())) decode();
        if (!quantize_rows(table_, coding_, out)) converted.zeroed = quantize_one_by_one(out);
        converted.sums.add(table_,
                           value_of(Table::view("", {coding_.format, table_.rows(), table_.dim(), 0, {}}, out)));
        return converted;
    }

private:
    /// For rows with a bad one among them; returns how many became zeros.
    std::size_t quantize_one_by_one(std::span<std::byte> out) const {
        const std::size_t row_size = row_bytes(coding_.format, table_.dim());
        std::size_t zeroed = 0;
        for (std::size_t row = 0; row < table_.rows(); ++row) {
            const std::span<std::byte> out_row = out.subspan(row * row_size, row_size);
            const Status status =
                quantize_rows(row_range(table_, row, 1), coding_, out_row, source_.row_number(first_ + row));
            if (status) continue;
            if (!zeroes_bad_) throw BadRow(source_.file_of_row(first_ + row) + ": " + status.error().message);
            std::ranges::fill(out_row, std::byte{0});
            ++zeroed;
        }
        return zeroed;
    }

    /// Codes, scale and bias of each row go where the new format has them.
    void copy(std::span<std::byte> out) const {
        const std::size_t row_size = row_bytes(coding_.format, table_.dim());
        const std::size_t numbers = qparams_bytes(coding_.format);
        const RowLayout from = row_layout(table_.format(), table_.dim());
        const RowLayout to = row_layout(coding_.format, table_.dim());
        for (std::size_t row = 0; row < table_.rows(); ++row) {
            const std::byte* stored = table_.data() + row * table_.row_stride();
            std::byte* out_row = out.data() + row * row_size;
            std::memcpy(out_row + to.codes_at, stored + from.codes_at, to.code_bytes);
            std::memcpy(out_row + to.qparams_at, stored + from.qparams_at, numbers);
        }
    }

    void decode() {
        decoded_.resize(table_.rows() * table_.dim());
        check(dequantize_rows(table_, 0, decoded_));
        const TableShape shape = {RowFormat::f32, table_.rows(), table_.dim(), 0, {}};
        table_ = value_of(Table::view(std::string(table_.name()), shape, std::as_bytes(std::span(decoded_))));
    }

    const Source& source_;
    RowCoding coding_;
    bool zeroes_bad_;
    std::size_t first_;
    std::vector<std::byte> stored_;
    std::vector<float> decoded_;
    Table table_;
};

/// Converts a block of rows into `out`, its chunks in parallel, and leaves them `behind`.
Converted convert_block(const Conversion& conversion, std::size_t first, std::size_t chunk_rows,
                        std::span<std::byte> out, DropBehind& behind, support::ThreadPool& threads) {
    const std::size_t row_size = row_bytes(conversion.coding.format, conversion.source.description().shape.dim);
    const std::size_t rows = out.size() / row_size;
    const std::size_t chunks = (rows + chunk_rows - 1) / chunk_rows;
    std::array<Converted, kChunksPerBlock> parts;
    threads.for_each(chunks, [&](std::size_t i) {
        const std::size_t begin = i * chunk_rows;
        const std::size_t count = std::min(chunk_rows, rows - begin);
        parts[i] = Chunk(conversion, first + begin, count).write(out.subspan(begin * row_size, count * row_size));
    });
    Converted total;
    for (const Converted& part : parts) {
        total.merge(part);
        behind.passed(part.input);
    }
    return total;
}

/// Converts all rows, a block at a time, and calls take(block) for each.
template <class Take>
Converted convert_rows(const Conversion& conversion, DropBehind& behind, Progress& progress, const Take& take) {
    const TableShape& shape = conversion.source.description().shape;
    const std::size_t chunk_rows = rows_in(kChunkBytes, shape.dim);
    const std::size_t block_rows = std::min(chunk_rows * kChunksPerBlock, shape.rows);
    std::vector<std::byte> codes(block_rows * row_bytes(conversion.coding.format, shape.dim));
    const std::size_t chunks = std::min(kChunksPerBlock, (shape.rows + chunk_rows - 1) / chunk_rows);
    support::ThreadPool threads(chunks < 2 ? 1 : std::min(chunks, support::available_cores()));
    Converted total;
    for (std::size_t first = 0; first < shape.rows; first += block_rows) {
        stop_if_interrupted();
        const std::size_t rows = std::min(block_rows, shape.rows - first);
        const std::span<std::byte> block =
            std::span(codes).first(rows * row_bytes(conversion.coding.format, shape.dim));
        const Converted converted = convert_block(conversion, first, chunk_rows, block, behind, threads);
        total.merge(converted);
        take(block);
        progress.advance(rows * row_bytes(shape.format, shape.dim));
    }
    return total;
}

}  // namespace

NewTable describe_target(const Source& source, RowCoding coding) {
    NewTable target = source.description();
    check_dim(source.file() + ": table " + printable(target.name), target.shape.dim);
    const bool is_quantized = !keeps_codes(target.shape.format, coding.format);
    target.shape.format = coding.format;
    if (!is_quantized) return target;
    target.quantization = quantization_of(coding);
    return target;
}

std::optional<OnBadRow> parse_on_bad_row(std::string_view name) noexcept {
    if (name == "fail") return OnBadRow::fail;
    if (name == "f16") return OnBadRow::f16;
    if (name == "zero") return OnBadRow::zero;
    return {};
}

std::optional<std::string> find_bad_row(const Source& source, RowCoding coding, DropBehind& behind) {
    const TableShape& shape = source.description().shape;
    if (keeps_codes(shape.format, coding.format)) return {};
    Progress progress("looking for bad rows", stored_bytes(shape));
    try {
        convert_rows({source, coding, OnBadRow::fail}, behind, progress, [](std::span<const std::byte>) {});
    } catch (const BadRow& bad) {
        return bad.what();
    }
    return {};
}

WrittenRows write_rows(const Source& source, RowCoding coding, OnBadRow on_bad_row, TableFileWriter& writer,
                       DropBehind& behind, Progress& progress) {
    const Converted converted = convert_rows({source, coding, on_bad_row}, behind, progress,
                                             [&](std::span<const std::byte> rows) { check(writer.append(rows)); });
    if (keeps_codes(source.description().shape.format, coding.format)) return {source.error(), 0};
    return {converted.sums.metrics(), converted.zeroed};
}

}  // namespace rowpool::tools
