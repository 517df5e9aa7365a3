// Tables from word2vec's binary files: a line "rows dim", then for each row its name, a space and its values as f32.
// The original tool ends a row with a newline, gensim does not.
#include "tools/inputs/words/word2vec_source.hpp"

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

constexpr std::size_t kLongestHeader = 64;
constexpr std::size_t kLongestName = 64 << 10;

/// The first line's numbers, and where the rows begin.
struct Beginning {
    VectorHeader header;
    std::size_t rows_at = 0;
    bool is_whole = true;  ///< all rows are wanted; else the header has as many as are
};

std::optional<Beginning> find_beginning(std::string_view text) {
    const std::size_t end = text.substr(0, kLongestHeader).find('\n');
    if (end == std::string_view::npos) return {};
    const std::optional<VectorHeader> header = parse_vector_header(without_end_blanks(text.substr(0, end)));
    if (!header || header->rows == 0 || header->dim == 0) return {};
    return Beginning{.header = *header, .rows_at = end + 1};
}

bool is_text_row(std::string_view line, std::size_t dim) {
    if (count_fields(line) <= dim) return false;
    std::string_view numbers = line.substr(last_fields(line, dim));
    for (std::size_t i = 0; i < dim; ++i) {
        if (!parse_f32(take_field(numbers))) return false;
    }
    return true;
}

bool is_printable(char c) { return (c >= ' ' && c <= '~') || c == '\t' || c == '\r' || c == '\n'; }

/// Goes from row to row. They have no fixed size, because their names have none.
class Cursor {
public:
    /// From the row at that place on.
    Cursor(const support::MappedFile& file, std::size_t dim, RowPositions::RowStart from)
        : path_(file.path()),
          text_(as_text(file.bytes())),
          value_bytes_(dim * sizeof(float)),
          at_(from.position),
          row_(from.row) {}

    std::size_t at() const { return at_; }

    /// Takes the name of the next row; its values come next.
    std::string_view take_name() {
        if (at_ < text_.size() && text_[at_] == '\n') ++at_;
        const std::string_view rest = text_.substr(at_, kLongestName + 1);
        const std::size_t size = rest.find(' ');
        if (size == std::string_view::npos) {
            if (rest.size() <= kLongestName) fail(here(), "the file ends in its name");
            fail(here(), "no space ends its name within ", kLongestName, " bytes");
        }
        const std::string_view name = rest.substr(0, size);
        if (name.find('\n') != std::string_view::npos) fail(here(), "a newline in its name");
        at_ += size + 1;
        return name;
    }

    /// Takes the values of the row whose name was taken.
    std::string_view take_values() {
        const std::string_view values = text_.substr(at_, value_bytes_);
        if (values.size() < value_bytes_) {
            fail(here(), "the file ends after ", values.size(), " bytes of its values, which are ", value_bytes_);
        }
        at_ += value_bytes_;
        ++row_;
        return values;
    }

    /// Whether nothing but a newline follows.
    bool at_end() const { return text_.size() - at_ <= (text_.substr(at_).starts_with('\n') ? 1U : 0U); }

    /// Fails when more than a newline follows the last row.
    void expect_end() {
        if (at_ < text_.size() && text_[at_] == '\n') ++at_;
        if (at_ == text_.size()) return;
        fail(path_, ": byte ", at_, ": ", text_.size() - at_, " bytes follow the last of ", row_, " rows");
    }

private:
    std::string here() const {
        return path_ + ": row " + std::to_string(row_) + " at byte " + std::to_string(at_) + ": ";
    }

    const std::string& path_;
    std::string_view text_;
    std::size_t value_bytes_;
    std::size_t at_;
    std::size_t row_;
};

/// Whether a token can be so: UTF-8 without control characters.
bool is_clean(std::string_view name) { return one_line(name) == name; }

bool are_usual(std::string_view values) {
    static constexpr float kLargest = 1e10F;
    for (std::size_t at = 0; at < values.size(); at += sizeof(float)) {
        float value = 0;
        std::memcpy(&value, values.data() + at, sizeof value);
        if (!(std::abs(value) < kLargest)) return false;
    }
    return true;
}

/// Names with spaces cannot be told from shorter ones by the format: what follows them is garbage. Fails when the row
/// from `begin` on would make sense with such a name, and so would what follows it.
void refuse_spaced_name(const support::MappedFile& file, std::size_t dim, std::size_t begin, std::size_t row) {
    static constexpr std::size_t kMostWords = 16;
    static constexpr std::size_t kLongest = 256;
    const std::string_view text = as_text(file.bytes()).substr(begin);
    const std::size_t at = text.starts_with('\n') ? 1 : 0;
    std::size_t end = text.find(' ', at);
    for (std::size_t words = 1; words < kMostWords && end < kLongest; ++words) {
        end = text.find(' ', end + 1);
        if (end > kLongest) return;
        const std::string_view name = text.substr(at, end - at);
        if (!is_clean(name)) return;
        const std::string_view values = text.substr(end + 1, dim * sizeof(float));
        std::string_view next = text.substr(std::min(end + 1 + dim * sizeof(float), text.size()));
        if (next.starts_with('\n')) next.remove_prefix(1);
        if (values.size() < dim * sizeof(float) || !are_usual(values)) continue;
        if (!next.empty() && !is_clean(next.substr(0, next.find(' ')))) continue;
        fail(file.path(), ": row ", row, " at byte ", begin + at, ": its name seems to be '", printable(name),
             "'; word2vec's binary form cannot hold names with spaces: write it as text, or with _ for spaces");
    }
}

/// What one pass over a file finds.
struct ScannedRows {
    NameList names;
    RowPositions positions;
};

ScannedRows scan_rows(const support::MappedFile& file, const Beginning& beginning) {
    Progress progress("scanning " + file_name_of(file.path()), file.bytes().size() - beginning.rows_at);
    ScannedRows scan = {{}, RowPositions(beginning.header.dim)};
    Cursor cursor(file, beginning.header.dim, {0, beginning.rows_at});
    std::size_t reported = beginning.rows_at;
    std::size_t before = beginning.rows_at;  // where the row before begins
    for (std::size_t row = 0; row < beginning.header.rows; ++row) {
        if (scan.positions.keeps(row)) {
            stop_if_interrupted();
            progress.advance(cursor.at() - reported);
            reported = cursor.at();
            scan.positions.add(cursor.at());
        }
        const std::size_t begin = cursor.at();
        const std::string_view name = cursor.take_name();
        if (row > 0 && !is_clean(name)) refuse_spaced_name(file, beginning.header.dim, before, row - 1);
        const std::string_view values = cursor.take_values();
        if (!are_usual(values)) refuse_spaced_name(file, beginning.header.dim, begin, row);
        scan.names.append(name);
        before = begin;
    }
    if (!beginning.is_whole) return scan;
    if (!cursor.at_end()) refuse_spaced_name(file, beginning.header.dim, before, beginning.header.rows - 1);
    cursor.expect_end();
    return scan;
}

class Word2vecSource : public Source {
public:
    Word2vecSource(support::MappedFile file, NewTable description, std::shared_ptr<const void> owner,
                   RowPositions positions)
        : Source(file.path(), std::move(description), std::move(owner)),
          file_(std::move(file)),
          positions_(std::move(positions)) {}

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        const std::size_t dim = description().shape.dim;
        buffer.resize(count * dim * sizeof(float));
        if (count > 0) copy_rows(first, count, buffer.data());
        return value_of(Table::view(description().name, {RowFormat::f32, count, dim, 0, {}}, buffer));
    }

private:
    void copy_rows(std::size_t first, std::size_t count, std::byte* out) const {
        const RowPositions::RowStart from = positions_.before(first);
        Cursor cursor(file_, description().shape.dim, from);
        for (std::size_t row = from.row; row < first + count; ++row) {
            cursor.take_name();
            const std::string_view values = cursor.take_values();
            if (row < first) continue;
            std::memcpy(out, values.data(), values.size());
            out += values.size();
        }
    }

    support::MappedFile file_;
    RowPositions positions_;
};

/// Refuses at once what would otherwise be found after a pass over the file.
void check_size(const std::string& path, const VectorHeader& header, std::size_t bytes) {
    const std::size_t least = header.dim * sizeof(float) + 1;  // a name may be empty, but a space ends it
    if (header.rows <= bytes / least) return;
    fail(path, ": the header says ", header.rows, " rows of ", header.dim, " values, but ", bytes,
         " bytes follow it, of which each takes ", least, " or more");
}

}  // namespace

bool is_word2vec(std::span<const std::byte> bytes) {
    static constexpr std::size_t kLongestLine = std::size_t{4} << 20;  // of numbers for as many columns as there can be
    const std::string_view text = as_text(bytes);
    const std::optional<Beginning> beginning = find_beginning(text);
    if (!beginning) return false;
    std::string_view rows = text.substr(beginning->rows_at, kLongestLine);
    const std::string_view values = rows.substr(std::min(rows.find(' '), rows.size()));
    const std::size_t value_bytes = std::min(beginning->header.dim, kMaxDim) * sizeof(float);
    const std::string_view first_values = values.substr(0, 1 + value_bytes);
    if (std::all_of(first_values.begin(), first_values.end(), is_printable)) return false;
    return !is_text_row(take_line(rows), beginning->header.dim);
}

Sources open_word2vec_source(support::MappedFile file, const Reading& reading) {
    std::optional<Beginning> beginning = find_beginning(as_text(file.bytes()));
    if (!beginning) fail(file.path(), ": does not begin with a line \"rows dim\"");
    if (reading.limit && *reading.limit < beginning->header.rows) {
        beginning->header.rows = *reading.limit;
        beginning->is_whole = false;
    }
    const auto& [header, rows_at, is_whole] = *beginning;
    check_dim(file.path(), header.dim);
    check_size(file.path(), header, file.bytes().size() - rows_at);
    ScannedRows scan = scan_rows(file, *beginning);
    NewTable description;
    description.name = table_name_of(file.path());
    description.source = file_name_of(file.path());
    description.shape.rows = header.rows;
    description.shape.dim = header.dim;
    const RowNames names = scan.names.take();
    description.row_names = names.text;
    Sources sources;
    sources.push_back(std::make_unique<Word2vecSource>(std::move(file), std::move(description), names.owner,
                                                       std::move(scan.positions)));
    return sources;
}

}  // namespace rowpool::tools
