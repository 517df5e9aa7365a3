// Writes table files of tables that learn, block by block.
#include "rowpool_train/serving.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "rowpool/quantize.hpp"
#include "rowpool/table_file.hpp"
#include "rowpool/table_file_writer.hpp"
#include "support/boundary.hpp"
#include "support/text.hpp"
#include "training/loops.hpp"

namespace rowpool::train {
namespace {

/// Bytes of source rows in a block.
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

std::string quantization_of(RowCoding coding) {
    return is_coded(coding.format) ? std::string(to_string(coding.method)) : std::string();
}

NewTable new_table(const ServedTable& served) {
    const MutableTable& table = served.table;
    return {.name = std::string(table.name()),
            .shape = {.format = served.coding.format,
                      .rows = table.rows(),
                      .dim = table.dim(),
                      .padding_index = table.padding_idx()},
            .source = "rowpool_train",
            .quantization = quantization_of(served.coding),
            .row_names = served.row_names};
}

/// Writes the rows of one table: each block is coded anew, or taken from a table that holds them already.
class RowsWriter {
public:
    RowsWriter(const ServedTable& served, const Table* before, const Workers& workers)
        : served_(served), before_(before), engine_(Loops(workers).engine()) {}

    Status write(TableFileWriter& writer) {
        const MutableTable& table = served_.table;
        const std::size_t bytes = row_bytes(table.format(), table.dim());
        const std::size_t rows_at_once = std::max<std::size_t>(kBlockBytes / bytes, 1);
        for (std::size_t first = 0; first < table.rows(); first += rows_at_once) {
            const std::size_t count = std::min(rows_at_once, table.rows() - first);
            if (is_unchanged(first, count)) {
                const std::size_t stride = before_->row_stride();
                const Status kept = writer.append({before_->data() + first * stride, count * stride});
                if (!kept) return kept;
                continue;
            }
            if (Status coded = code(first, count); !coded) return coded;
            if (Status appended = writer.append(coded_); !appended) return appended;
        }
        return {};
    }

private:
    bool is_unchanged(std::size_t first, std::size_t count) const noexcept {
        if (before_ == nullptr || first + count > before_->rows()) return false;
        for (std::size_t row = first; row < first + count; ++row) {
            if (served_.table.is_touched(row)) return false;
        }
        return true;
    }

    Status code(std::size_t first, std::size_t count) {
        const MutableTable& table = served_.table;
        const std::size_t bytes = row_bytes(table.format(), table.dim());
        const TableShape shape = {.format = table.format(), .rows = count, .dim = table.dim()};
        const auto rows =
            Table::view(std::string(table.name()), shape, table.bytes().subspan(first * bytes, count * bytes));
        if (!rows) return rows.error();
        coded_.resize(count * row_bytes(served_.coding.format, table.dim()));
        return engine_ != nullptr ? engine_->quantize_rows(*rows, served_.coding, coded_, first)
                                  : quantize_rows(*rows, served_.coding, coded_, first);
    }

    const ServedTable& served_;
    const Table* before_;
    const Engine* engine_;
    std::vector<std::byte> coded_;
};

/// Whether a file holds these tables, as write_table_file() has written them.
Status check_same(const TableFile& file, std::span<const ServedTable> tables) {
    const auto differs = [&](std::size_t t, const std::string& how) {
        return invalid("cannot refresh " + file.path() + ": table " + support::printable(tables[t].table.name()) +
                       ": " + how);
    };
    if (file.tables().size() != tables.size()) {
        return invalid("cannot refresh " + file.path() + ": it has " + std::to_string(file.tables().size()) +
                       " tables, not " + std::to_string(tables.size()));
    }
    for (std::size_t t = 0; t < tables.size(); ++t) {
        const Table& before = file.tables()[t];
        const MutableTable& table = tables[t].table;
        const RowCoding coding = tables[t].coding;
        if (before.name() != table.name())
            return differs(t, "the file has " + support::printable(before.name()) + " there");
        if (before.dim() != table.dim() || before.rows() > table.rows() || !before.remap().empty()) {
            return differs(t, "the file has it in another shape");
        }
        if (before.format() != coding.format || file.origin(t).quantization != quantization_of(coding) ||
            before.row_stride() != row_bytes(coding.format, table.dim())) {
            return differs(t, "the file has it in another coding");
        }
    }
    return {};
}

Status write(const std::string& path, std::span<const ServedTable> tables, const TableFile* before,
             const Workers& workers) {
    std::vector<NewTable> new_tables;
    for (const ServedTable& served : tables) new_tables.push_back(new_table(served));
    auto writer = TableFileWriter::create(path, std::move(new_tables));
    if (!writer) return writer.error();
    for (std::size_t t = 0; t < tables.size(); ++t) {
        RowsWriter rows(tables[t], before != nullptr ? &before->tables()[t] : nullptr, workers);
        if (Status written = rows.write(*writer); !written) return written;
    }
    return writer->finish();
}

}  // namespace

Status write_table_file(const std::string& path, std::span<const ServedTable> tables, const Workers& workers) {
    return support::without_exceptions([&] { return write(path, tables, nullptr, workers); });
}

Status refresh_table_file(const std::string& path, std::span<const ServedTable> tables, const Workers& workers) {
    return support::without_exceptions([&]() -> Status {
        const auto before = TableFile::open(path);
        if (!before) return before.error();
        if (Status same = check_same(*before, tables); !same) return same;
        if (Status intact = before->verify(); !intact) return intact;
        return write(path, tables, &*before, workers);
    });
}

}  // namespace rowpool::train
