// Tables from word-vector text: a line a row, its name and then its numbers, as word2vec, fastText and GloVe write it.
#include "tools/inputs/words/text_source.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>

#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/progress.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/row_positions.hpp"
#include "tools/inputs/words/name_list.hpp"
#include "tools/inputs/words/text_fields.hpp"

namespace rowpool::tools {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// The header that word2vec and fastText put first. A file without one whose first row looks the same (a name that is a
/// number, and one column) is told from it by the width of the next line.
std::optional<VectorHeader> find_header(std::string_view text) {
    const std::optional<VectorHeader> header = parse_vector_header(take_line(text));
    if (header && header->rows != 0 && count_fields(take_line(text)) <= header->dim) return {};
    return header;
}

/// The first pass over a file: finds its shape, its names, and where rows begin.
class Scan {
public:
    explicit Scan(const MappedFile& file)
        : path_(file.path()), text_(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()) {
        std::string_view rest = text_;
        refuse_binary();
        if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
        if (rest.empty()) fail(path_, ": empty; word-vector text has a line a row");
        header_ = find_header(rest);
        std::string_view first = rest;
        dim_ = header_ ? header_->dim : std::max<std::size_t>(1, count_fields(take_line(first))) - 1;
        if (header_) take_line(rest);
        if (!header_ && dim_ == 0) fail(path_, ":1: a name without numbers; this is no word-vector text");
        check_dim(path_ + ":1", dim_);
        positions_ = RowPositions(dim_);
        scan_rows(rest);
        if (header_ && header_->rows != rows_) {
            fail(path_, ":1: the header says ", header_->rows, " rows, but ", rows_, " follow it");
        }
    }

    std::size_t rows() const { return rows_; }
    std::size_t dim() const { return dim_; }
    /// Line of the file that holds row 0, counted from 1.
    std::size_t first_line() const { return header_ ? 2 : 1; }
    RowNames take_names() { return names_.take(); }
    RowPositions take_positions() { return std::move(positions_); }

private:
    /// A file of another kind would fail somewhere anyway; this says it in words that help.
    void refuse_binary() const {
        static constexpr std::size_t kProbeBytes = 4096;
        const std::string_view begin = text_.substr(0, text_.substr(0, kProbeBytes).find('\0'));
        if (begin.size() == text_.size()) return;
        fail(path_, ':', 1 + std::count(begin.begin(), begin.end(), '\n'), ": a NUL byte; this is no word-vector text");
    }

    void scan_rows(std::string_view rest) {
        static constexpr std::size_t kStepBytes = std::size_t{1} << 20;
        Progress progress("scanning " + file_name_of(path_), rest.size());
        std::size_t reported = rest.size();
        while (!rest.empty()) {
            const std::string_view line = take_line(rest);
            add_row(line);
            if (reported - rest.size() < kStepBytes) continue;
            stop_if_interrupted();
            progress.advance(reported - rest.size());
            reported = rest.size();
        }
    }

    void add_row(std::string_view line) {
        const std::string_view name = without_end_blanks(line.substr(0, last_fields(line, dim_)));
        if (name.empty()) {
            if (line.empty()) fail(here(), ": an empty line");
            if (is_blank(line.front())) fail(here(), ": no name before the numbers");
            fail(here(), ": a name and ", count_fields(line) - 1, " numbers, expected ", dim_);
        }
        check_name(name);
        names_.append(name);
        if (positions_.keeps(rows_++)) positions_.add(static_cast<std::size_t>(line.data() - text_.data()));
    }

    /// A name may be of several words, as some of GloVe's are. When no header says how many numbers follow and the last
    /// word is a number ("nan" and "inf" are words), then there is one number too many on the line.
    void check_name(std::string_view name) const {
        if (name.find('\0') != std::string_view::npos) fail(here(), ": a NUL byte; this is no word-vector text");
        const std::size_t last = last_fields(name, 1);
        if (header_ || last == 0) return;
        const std::optional<float> number = parse_f32(name.substr(last));
        if (number && std::isfinite(*number)) fail(here(), ": more than ", dim_, " numbers");
    }

    std::string here() const { return path_ + ":" + std::to_string(rows_ + first_line()); }

    const std::string& path_;
    std::string_view text_;
    std::optional<VectorHeader> header_;
    std::size_t dim_ = 0;
    std::size_t rows_ = 0;
    NameList names_;
    RowPositions positions_{1};
};

class TextSource : public Source {
public:
    TextSource(const MappedFile& file, NewTable description, std::shared_ptr<const void> owner, Scan& scan)
        : Source(file.path(), std::move(description), std::move(owner)),
          text_(file),
          positions_(scan.take_positions()),
          first_line_(scan.first_line()) {}

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        const std::size_t dim = description().shape.dim;
        buffer.resize(count * dim * sizeof(float));
        if (count > 0) parse_rows(first, buffer);
        return value_of(Table::view(description().name, {RowFormat::f32, count, dim, 0, {}}, buffer));
    }

private:
    void parse_rows(std::size_t first, std::span<std::byte> out) const {
        const std::size_t row_size = description().shape.dim * sizeof(float);
        const std::span<const std::byte> bytes = text_.bytes();
        std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        auto [row, position] = positions_.before(first);
        rest.remove_prefix(position);
        for (; !out.empty(); ++row) {
            const std::string_view line = take_line(rest);
            if (row < first) continue;
            parse_row(line, row, out.first(row_size));
            out = out.subspan(row_size);
        }
    }

    void parse_row(std::string_view line, std::size_t row, std::span<std::byte> out) const {
        std::string_view rest = line.substr(last_fields(line, description().shape.dim));
        for (; !out.empty(); out = out.subspan(sizeof(float))) {
            const std::string_view field = take_field(rest);
            const std::optional<float> number = parse_f32(field);
            if (!number) {
                fail(file(), ':', row + first_line_, ": '", printable(field.substr(0, 40)),
                     "' is no number that fits f32");
            }
            std::memcpy(out.data(), &*number, sizeof(float));
        }
    }

    MappedFile text_;
    RowPositions positions_;
    std::size_t first_line_;
};

}  // namespace

Sources open_text_source(const MappedFile& file) {
    Scan scan(file);
    const RowNames names = scan.take_names();
    NewTable description;
    description.name = table_name_of(file.path());
    description.source = file_name_of(file.path());
    description.shape.rows = scan.rows();
    description.shape.dim = scan.dim();
    description.row_names = names.text;
    Sources sources;
    sources.push_back(std::make_unique<TextSource>(file, std::move(description), names.owner, scan));
    return sources;
}

}  // namespace rowpool::tools
