// The rows of one table from a source to a table file, in blocks and on all cores.
#include "converter.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "error_sums.hpp"
#include "failure.hpp"
#include "interrupt.hpp"
#include "parallel.hpp"
#include "rowpool/quantize.hpp"
#include "rows.hpp"
#include "text.hpp"

namespace rowpool::tools {

namespace {

// A chunk is one core's unit of work, a block is what is in memory at once.
constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
constexpr std::size_t kChunksPerBlock = 16;

std::string quantization_of(RowFormat format) {
    if (!is_coded(format)) return {};
    const bool of_pytorch = format == RowFormat::int8 || format == RowFormat::int4 || format == RowFormat::int2;
    return of_pytorch ? "min-max (PyTorch prepack)" : "min-max (FBGEMM n-bit rowwise)";
}

/// Rows of one source on their way into one format.
class Chunk {
public:
    Chunk(const Source& source, RowFormat format, std::size_t first, std::size_t count)
        : source_(source), format_(format), first_(first), table_(source.read(first, count, stored_)) {}

    /// Puts the rows into `out`, which has their exact size in the new format.
    ErrorSums write(std::span<std::byte> out) {
        if (table_.format() == format_) {
            copy(out);
            return {};
        }
        if (is_coded(table_.format())) decode();
        const Status status = quantize_rows(table_, format_, out, first_);
        if (!status) fail(source_.file(), ": ", status.error().message);
        ErrorSums sums;
        sums.add(table_, value_of(Table::view("", {format_, table_.rows(), table_.dim(), 0, {}}, out)));
        return sums;
    }

private:
    void copy(std::span<std::byte> out) const {
        const std::size_t row_size = row_bytes(format_, table_.dim());
        for (std::size_t row = 0; row < table_.rows(); ++row) {
            std::memcpy(out.data() + row * row_size, table_.data() + row * table_.row_stride(), row_size);
        }
    }

    void decode() {
        decoded_.resize(table_.rows() * table_.dim());
        check(dequantize_rows(table_, 0, decoded_));
        const TableShape shape = {RowFormat::f32, table_.rows(), table_.dim(), 0, {}};
        table_ = value_of(Table::view(std::string(table_.name()), shape, std::as_bytes(std::span(decoded_))));
    }

    const Source& source_;
    RowFormat format_;
    std::size_t first_;
    std::vector<std::byte> stored_;
    std::vector<float> decoded_;
    Table table_;
};

/// Converts a block of rows into `out`, its chunks in parallel.
ErrorSums convert_block(const Source& source, RowFormat format, std::size_t first, std::size_t chunk_rows,
                        std::span<std::byte> out) {
    const std::size_t row_size = row_bytes(format, source.description().shape.dim);
    const std::size_t rows = out.size() / row_size;
    const std::size_t chunks = (rows + chunk_rows - 1) / chunk_rows;
    std::array<ErrorSums, kChunksPerBlock> sums;
    parallel_for(chunks, [&](std::size_t i) {
        const std::size_t begin = i * chunk_rows;
        const std::size_t count = std::min(chunk_rows, rows - begin);
        sums[i] = Chunk(source, format, first + begin, count).write(out.subspan(begin * row_size, count * row_size));
    });
    ErrorSums total;
    for (const ErrorSums& sum : sums) total.merge(sum);
    return total;
}

}  // namespace

NewTable describe_target(const Source& source, RowFormat format) {
    NewTable target = source.description();
    check_dim(source.file() + ": table " + printable(target.name), target.shape.dim);
    if (target.shape.format == format) return target;
    target.shape.format = format;
    target.quantization = quantization_of(format);
    return target;
}

std::optional<ErrorFigures> write_rows(const Source& source, RowFormat format, TableFileWriter& writer,
                                       Progress& progress) {
    const TableShape& shape = source.description().shape;
    const std::size_t chunk_rows = rows_in(kChunkBytes, shape.dim);
    const std::size_t block_rows = std::min(chunk_rows * kChunksPerBlock, shape.rows);
    std::vector<std::byte> codes(block_rows * row_bytes(format, shape.dim));
    ErrorSums sums;
    for (std::size_t first = 0; first < shape.rows; first += block_rows) {
        stop_if_interrupted();
        const std::size_t rows = std::min(block_rows, shape.rows - first);
        const std::span<std::byte> block = std::span(codes).first(rows * row_bytes(format, shape.dim));
        sums.merge(convert_block(source, format, first, chunk_rows, block));
        check(writer.append(block));
        progress.advance(rows * row_bytes(shape.format, shape.dim));
    }
    if (shape.format == format) return source.error();
    return sums.figures();
}

}  // namespace rowpool::tools
