// Writes table files.
#include <cmath>
#include <span>
#include <utility>

#include "file/checksum.hpp"
#include "file/file_plan.hpp"
#include "rowpool/table_file.hpp"
#include "rowpool/table_file_writer.hpp"
#include "support/boundary.hpp"
#include "support/output_file.hpp"
#include "support/text.hpp"

namespace rowpool {
namespace {

Error invalid(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

}  // namespace

struct TableFileWriter::State {
    // The progress of one table's rows.
    struct Progress {
        std::uint64_t written = 0;
        file::BlockChecksums checksums;
    };

    State(std::string p, support::OutputFile f, file::FilePlan planned)
        : path(std::move(p)), file(std::move(f)), plan(std::move(planned)), progress(plan.tables.size()) {}

    std::uint64_t missing(std::size_t table) const {
        return plan.tensors[plan.tables[table].rows].size() - progress[table].written;
    }
    // Writes bytes at offset `at` of a tensor.
    Status write(const file::Tensor& tensor, std::uint64_t at, std::span<const std::byte> bytes) {
        return file.write_at(plan.data_begin + tensor.begin + at, bytes);
    }
    Error fault(std::size_t table, const std::string& message) const {
        return invalid("cannot write " + path + ": table " + support::printable(plan.tables[table].name) + ": " +
                       message);
    }

    Status write_helpers(const std::vector<NewTable>& tables);
    Status check_complete() const;
    Status write_checksums();
    Status write_header();
    Status read_back() const;

    std::string path;
    support::OutputFile file;
    file::FilePlan plan;
    std::vector<Progress> progress;
    std::size_t current = 0;  // the table whose rows are being appended
};

// Writes fillers, row names and remaps: everything that is known from the start.
Status TableFileWriter::State::write_helpers(const std::vector<NewTable>& tables) {
    for (const file::Tensor& tensor : plan.tensors) {
        if (!tensor.name.starts_with(file::kFillerPrefix)) continue;
        const std::vector<std::byte> zeros(tensor.size());
        if (Status written = write(tensor, 0, zeros); !written) return written;
    }
    for (std::size_t i = 0; i < tables.size(); ++i) {
        const auto write_whole = [&](std::optional<std::size_t> tensor, std::span<const std::byte> bytes) {
            return tensor ? write(plan.tensors[*tensor], 0, bytes) : Status();
        };
        Status names = write_whole(plan.tables[i].names, std::as_bytes(std::span(tables[i].row_names)));
        if (!names) return names;
        if (Status remap = write_whole(plan.tables[i].remap, std::as_bytes(tables[i].remap)); !remap) return remap;
    }
    return {};
}

Status TableFileWriter::State::check_complete() const {
    for (std::size_t i = 0; i < progress.size(); ++i) {
        if (missing(i) == 0) continue;
        return fault(i, std::to_string(missing(i) / plan.tables[i].row_bytes) + " rows are missing");
    }
    return {};
}

Status TableFileWriter::State::write_checksums() {
    for (std::size_t i = 0; i < progress.size(); ++i) {
        const auto checksums = std::as_bytes(std::span(progress[i].checksums.finish()));
        plan.metadata.tables.at(plan.tables[i].name).checksums.xxh3 = file::xxh3(checksums);
        if (Status written = write(plan.tensors[plan.tables[i].checksums], 0, checksums); !written) {
            return written;
        }
    }
    return {};
}

Status TableFileWriter::State::write_header() {
    const std::uint64_t length = plan.data_begin - file::kLengthBytes;
    const std::string header = file::write_header(plan.tensors, plan.metadata, length);
    if (Status written = file.write_at(0, std::as_bytes(std::span(&length, 1))); !written) return written;
    return file.write_at(file::kLengthBytes, std::as_bytes(std::span(header)));
}

Status TableFileWriter::State::read_back() const {
    const auto written = TableFile::open(file.readable_path());
    const Status verified = written ? written->verify() : Status(written.error());
    if (verified) return {};
    return Error{verified.error().code,
                 "cannot write " + path + ": it does not read back: " + verified.error().message};
}

Result<TableFileWriter> TableFileWriter::create(const std::string& path, std::vector<NewTable> tables) {
    return support::without_exceptions([&]() -> Result<TableFileWriter> {
        auto plan = file::plan_file(tables);
        if (!plan) return invalid("cannot write " + path + ": " + plan.error().message);
        auto file = support::OutputFile::create(path);
        if (!file) return file.error();
        auto state = std::make_unique<State>(path, std::move(*file), std::move(*plan));
        if (const Status written = state->write_helpers(tables); !written) return written.error();
        return TableFileWriter(std::move(state));
    });
}

TableFileWriter::TableFileWriter(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
TableFileWriter::TableFileWriter(TableFileWriter&&) noexcept = default;
TableFileWriter& TableFileWriter::operator=(TableFileWriter&&) noexcept = default;
TableFileWriter::~TableFileWriter() = default;

Status TableFileWriter::append(std::span<const std::byte> rows) {
    return support::without_exceptions([&]() -> Status {
        State& state = *state_;
        if (rows.empty()) return {};
        while (state.current < state.progress.size() && state.missing(state.current) == 0) ++state.current;
        if (state.current == state.progress.size()) {
            return invalid("cannot write " + state.path + ": all tables have all their rows");
        }
        const file::TablePlan& table = state.plan.tables[state.current];
        State::Progress& progress = state.progress[state.current];
        if (rows.size() % table.row_bytes != 0) return state.fault(state.current, "got a part of a row");
        if (rows.size() > state.missing(state.current)) return state.fault(state.current, "got too many rows");
        Status written = state.write(state.plan.tensors[table.rows], progress.written, rows);
        if (!written) return written;
        progress.checksums.append(rows);
        progress.written += rows.size();
        return {};
    });
}

void TableFileWriter::set_error(std::size_t table, const ErrorMetrics& error) {
    const auto recordable = [](double metric) { return std::isfinite(metric) && metric >= 0; };
    auto& recorded = state_->plan.metadata.tables.at(state_->plan.tables[table].name).origin.error;
    recorded.reset();
    if (recordable(error.max_abs) && recordable(error.relative_l2)) recorded = error;
}

Status TableFileWriter::finish() {
    return support::without_exceptions([&]() -> Status {
        State& state = *state_;
        if (Status complete = state.check_complete(); !complete) return complete;
        if (Status checksums = state.write_checksums(); !checksums) return checksums;
        if (Status header = state.write_header(); !header) return header;
        if (Status intact = state.read_back(); !intact) return intact;
        return state.file.commit();
    });
}

}  // namespace rowpool
