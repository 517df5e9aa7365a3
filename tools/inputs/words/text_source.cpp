// Tables from word-vector text: a line a row, its name and then its numbers, as word2vec, fastText and GloVe write it.
#include "tools/inputs/words/text_source.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
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

/// How the lines of a file are read.
struct Layout {
    std::optional<VectorHeader> header = {};
    std::size_t dim = 0;
    bool named = true;   ///< a row begins with its name
    bool skips = false;  ///< lines that are no rows are passed over
};

bool is_number(std::string_view field) {
    const std::optional<float> number = parse_f32(field);  // "nan" and "inf" are words
    return number && std::isfinite(*number);
}

/// How many fields at the end of a line are numbers.
std::size_t end_numbers(std::string_view line) {
    std::size_t count = 0;
    for (line = without_end_blanks(line); !line.empty(); ++count) {
        const std::size_t begin = last_fields(line, 1);
        if (!is_number(line.substr(begin))) break;
        line = without_end_blanks(line.substr(0, begin));
    }
    return count;
}

/// The header that word2vec and fastText put first. A file without one whose first row looks the same (a name that is a
/// number, and one column) is told from it by the width of the next line.
std::optional<VectorHeader> find_header(const std::string& path, std::string_view text, bool named) {
    const std::optional<VectorHeader> header = parse_vector_header(take_line(text));
    if (!header || header->rows == 0) return header;
    const std::string_view second = take_line(text);
    const std::size_t fields = count_fields(second);
    const bool empty_name = fields == header->dim && fields > 0 && is_blank(second.front());
    if (!named) return fields == header->dim && fields != 2 ? header : std::nullopt;
    if (fields > header->dim || empty_name) return header;
    if (fields == 0 || fields == 2) return {};
    fail(path, ":1: the header says ", header->dim, " numbers a row, but line 2 has a name and ", fields - 1,
         "; --names-column no reads rows without names");
}

/// Columns as the first line has them. When words are before its numbers, the name may be of several: the next line
/// tells.
std::size_t find_dim(std::string_view text) {
    const std::string_view first = take_line(text);
    const std::size_t fields = count_fields(first);
    const std::size_t numbers = end_numbers(first);
    if (fields < 2 || numbers == 0 || numbers + 1 >= fields) return std::max<std::size_t>(1, fields) - 1;
    const std::string_view second = take_line(text);
    return count_fields(second) == numbers + 1 || end_numbers(second) == numbers ? numbers : fields - 1;
}

/// What is before the numbers of a line. A name may be of several words, as some of GloVe's are; with a header also
/// empty or of blanks, as gensim writes such tokens.
std::string_view name_of(const Layout& layout, std::string_view line) {
    const std::string_view before = line.substr(0, last_fields(line, layout.dim));
    std::string_view name = without_end_blanks(before);
    if (!layout.header) return name.substr(std::min(name.find_first_not_of(" \t"), name.size()));
    return name.empty() && !before.empty() ? before.substr(1) : name;
}

bool has_fraction(std::string_view number) { return number.find_first_of(".eE") != std::string_view::npos; }

/// What is wrong with the name of a line that has one. When no header says how many numbers follow it and its last word
/// is a number, then there is one number too many on the line. With a header it may be a whole number.
std::string name_fault(const Layout& layout, std::string_view name) {
    if (name.find('\0') != std::string_view::npos) return "a NUL byte; this is no word-vector text";
    if (name.empty()) return {};
    const std::size_t last = last_fields(name, 1);
    const std::string_view word = name.substr(last);
    if (last == 0 || !is_number(word) || (layout.header && !has_fraction(word))) return {};
    return "more than " + std::to_string(layout.dim) + " numbers" +
           (layout.header ? ", which the header says"
                          : "; if the last word of a name is a number, a first line \"rows columns\" tells");
}

std::string value_fault(const Layout& layout, std::string_view line) {
    std::string_view rest = line.substr(last_fields(line, layout.dim));
    for (std::size_t i = 0; i < layout.dim; ++i) {
        const std::string_view field = take_field(rest);
        if (parse_f32(field)) continue;
        std::string fault = "'";
        return (fault += printable(field.substr(0, 40))) += "' is no number that fits f32";
    }
    return {};
}

/// What keeps a line from being a row; empty when nothing does, but for numbers that are read later.
std::string fault_of(const Layout& layout, std::string_view line) {
    if (line.empty()) return "an empty line";
    const std::size_t fields = count_fields(line);
    if (!layout.named) {
        if (fields == layout.dim) return {};
        return std::to_string(fields) + " numbers, expected " + std::to_string(layout.dim);
    }
    const bool blank_name = fields == layout.dim && is_blank(line.front());
    if (blank_name && !layout.header) return "no name before the numbers";
    if (fields <= layout.dim && !blank_name) {
        return "a name and " + std::to_string(fields - 1) + " numbers, expected " + std::to_string(layout.dim);
    }
    return name_fault(layout, name_of(layout, line));
}

/// The same, with the numbers where lines may be skipped.
std::string whole_fault_of(const Layout& layout, std::string_view line) {
    std::string fault = fault_of(layout, line);
    return fault.empty() && layout.skips ? value_fault(layout, line) : fault;
}

/// Lines that were passed over.
class SkippedLines {
public:
    void add(std::size_t line, const std::string& fault) {
        static constexpr std::size_t kMostNamed = 3;
        if (++count_ <= kMostNamed) {
            if (count_ > 1) named_ += ", ";
            (((named_ += std::to_string(line)) += " (") += fault) += ')';
        }
        more_ = count_ > kMostNamed;
    }

    std::size_t count() const { return count_; }
    std::string text() const {
        return "skipped " + std::to_string(count_) + (count_ == 1 ? " bad line: " : " bad lines: ") + named_ +
               (more_ ? ", ..." : "");
    }

private:
    std::size_t count_ = 0;
    std::string named_;
    bool more_ = false;
};

/// The first pass over a file: finds its shape, its names, and where rows begin.
class Scan {
public:
    Scan(const support::MappedFile& file, Reading& reading) : path_(file.path()), text_(as_text(file.bytes())) {
        layout_.skips = reading.on_bad_line == OnBadLine::skip;
        if (reading.limit) limit_ = *reading.limit;
        layout_.named = reading.names_column != NamesColumn::no;
        std::string_view rest = text_.substr(0, text_.find_last_not_of(" \t\r\n") + 1);
        refuse_binary();
        if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
        if (rest.empty()) fail(path_, ": empty; word-vector text has a line a row");
        find_layout(rest);
        const std::string_view first = rest;
        if (layout_.header) take_line(rest);
        positions_ = RowPositions(dim());
        scan_rows(rest);
        if (layout_.header) check_header();
        if (reading.names_column == NamesColumn::unsaid) refuse_doubt(first);
        if (skipped_.count() > 0) reading.notes.push_back(path_ + ": " + skipped_.text());
    }

    std::size_t rows() const { return rows_; }
    std::size_t dim() const { return layout_.dim; }
    const Layout& layout() const { return layout_; }
    /// Line of the file that holds row 0, counted from 1.
    std::size_t first_line() const { return layout_.header ? 2 : 1; }
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

    void find_layout(std::string_view text) {
        layout_.header = find_header(path_, text, layout_.named);
        std::string_view first = text;
        if (layout_.header) {
            layout_.dim = layout_.header->dim;
        } else {
            layout_.dim = layout_.named ? find_dim(text) : count_fields(take_line(first));
        }
        if (!layout_.header && dim() == 0) fail(path_, ":1: a name without numbers; this is no word-vector text");
        check_dim(path_ + ":1", dim());
    }

    void scan_rows(std::string_view rest) {
        static constexpr std::size_t kStepBytes = std::size_t{1} << 20;
        Progress progress("scanning " + file_name_of(path_), rest.size());
        std::size_t reported = rest.size();
        for (std::size_t number = first_line(); !rest.empty() && rows_ < limit_; ++number) {
            const std::string_view line = take_line(rest);
            add_line(line, number);
            if (reported - rest.size() < kStepBytes) continue;
            stop_if_interrupted();
            progress.advance(reported - rest.size());
            reported = rest.size();
        }
        is_cut_ = !rest.empty();
    }

    void add_line(std::string_view line, std::size_t number) {
        std::string fault = whole_fault_of(layout_, line);
        if (layout_.skips && layout_.header && rows_ == layout_.header->rows) {
            fault = "beyond the " + std::to_string(rows_) + " rows that the header says";
        }
        if (fault.empty()) return add_row(line);
        if (!layout_.skips) fail(path_, ':', number, ": ", fault);
        skipped_.add(number, fault);
    }

    void add_row(std::string_view line) {
        if (positions_.keeps(rows_++)) positions_.add(static_cast<std::size_t>(line.data() - text_.data()));
        if (!layout_.named) return;
        const std::string_view name = name_of(layout_, line);
        names_.append(name);
        if (name.empty() || !is_number(name.substr(last_fields(name, 1)))) return;
        ++number_names_;
    }

    void check_header() const {
        const std::size_t rows = layout_.header->rows;
        const bool lacks = rows > rows_ && !is_cut_ && rows - rows_ > skipped_.count();
        if (rows < rows_ || lacks) {
            fail(path_, ":1: the header says ", rows, " rows, but ", rows_,
                 is_cut_ ? " or more follow it" : " follow it",
                 rows < rows_ ? "; --on-bad-line skip takes no more than it says, as gensim does" : "");
        }
    }

    /// Refuses what reads well in two ways.
    void refuse_doubt(std::string_view text) const {
        const std::optional<VectorHeader> header = parse_vector_header(take_line(text));
        if (!layout_.header && header && (is_cut_ || header->rows + 1 == rows_)) {
            fail(path_, ":1: a header of ", header->rows, " rows of ", header->dim, " numbers, but rows of ", dim(),
                 "; if it is a row like the others, say --names-column yes");
        }
        if (rows_ == 0 || number_names_ < rows_) return;
        if (!layout_.header) {
            fail(path_,
                 ": all lines are of numbers only; say --names-column yes if the first on a line is the name of "
                 "its row, or --names-column no if rows have no names");
        }
        std::string_view row = text;
        take_line(row);
        if (last_fields(name_of(layout_, take_line(row)), 1) == 0) return;  // names of one word, which are numbers
        fail(path_, ":1: the header says ", dim(),
             " numbers a row, but each has more; if the names end in a number, "
             "say --names-column yes");
    }

    const std::string& path_;
    std::string_view text_;
    Layout layout_;
    std::size_t limit_ = std::numeric_limits<std::size_t>::max();
    bool is_cut_ = false;  ///< more follows the rows that are wanted
    std::size_t rows_ = 0;
    std::size_t number_names_ = 0;  ///< names whose last word is a number
    SkippedLines skipped_;
    NameList names_;
    RowPositions positions_{1};
};

class TextSource : public Source {
public:
    TextSource(const support::MappedFile& file, NewTable description, std::shared_ptr<const void> owner, Scan& scan)
        : Source(file.path(), std::move(description), std::move(owner)),
          text_(file),
          positions_(scan.take_positions()),
          layout_(scan.layout()),
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
        std::string_view rest = as_text(bytes);
        auto [row, position] = positions_.before(first);
        rest.remove_prefix(position);
        for (; !out.empty(); ++row) {
            std::string_view line = take_line(rest);
            while (layout_.skips && !whole_fault_of(layout_, line).empty()) line = take_line(rest);
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

    support::MappedFile text_;
    RowPositions positions_;
    Layout layout_;
    std::size_t first_line_;
};

}  // namespace

Sources open_text_source(const support::MappedFile& file, Reading& reading) {
    Scan scan(file, reading);
    const RowNames names = scan.take_names();
    NewTable description;
    description.name = table_name_of(file.path());
    description.source = file_name_of(file.path());
    description.shape.rows = scan.rows();
    description.shape.dim = scan.dim();
    if (scan.layout().named) description.row_names = names.text;
    Sources sources;
    sources.push_back(std::make_unique<TextSource>(file, std::move(description), names.owner, scan));
    return sources;
}

}  // namespace rowpool::tools
