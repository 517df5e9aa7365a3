// Tables from fastText's models (.bin): the input matrix, a row a word and then a row a bucket of n-grams.
// Source of the layout: fastText 0.9.2, saveModel in fasttext.cc, Args, Dictionary and DenseMatrix; format version 12,
// and 11, which differs only in what a supervised model's maxn means.
#include "tools/inputs/words/fasttext_source.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/matrix_source.hpp"
#include "tools/inputs/words/name_list.hpp"

namespace rowpool::tools {

namespace {

constexpr std::int32_t kMagic = 793712314;
constexpr std::int32_t kOldestVersion = 11;
constexpr std::int32_t kNewestVersion = 12;
constexpr std::int32_t kSupervised = 3;

/// The parts of a file, taken one after the other. Nothing is read past its end.
class Parts {
public:
    Parts(const std::string& path, std::span<const std::byte> bytes) : path_(path), bytes_(bytes) {}

    std::size_t at() const { return at_; }

    std::span<const std::byte> take_bytes(std::uint64_t size, const char* what) {
        if (size > bytes_.size() - at_) {
            fail(path_, ": byte ", at_, ": the file ends in its ", what, ", which needs ", size, " bytes and has ",
                 bytes_.size() - at_);
        }
        const std::span<const std::byte> taken = bytes_.subspan(at_, size);
        at_ += size;
        return taken;
    }

    template <class T>
    T take(const char* what) {
        T value;
        std::memcpy(&value, take_bytes(sizeof value, what).data(), sizeof value);
        return value;
    }

    /// A number that cannot be negative.
    template <class T>
    std::uint64_t take_count(const char* what) {
        const std::size_t begin = at_;
        const T value = take<T>(what);
        if (value < 0) fail(path_, ": byte ", begin, ": ", what, " is ", value);
        return static_cast<std::uint64_t>(value);
    }

    /// What comes before the next NUL, which is taken too.
    std::string_view take_text(const char* what) {
        const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_, bytes_.size() - at_);
        const std::size_t size = rest.find('\0');
        if (size == std::string_view::npos) fail(path_, ": byte ", at_, ": the file ends in its ", what);
        at_ += size + 1;
        return rest.substr(0, size);
    }

private:
    const std::string& path_;
    std::span<const std::byte> bytes_;
    std::size_t at_ = 0;
};

/// What of the training arguments a table's user needs.
struct TrainingArguments {
    std::uint64_t dim;
    std::uint64_t buckets;
    std::int32_t shortest;  ///< n-gram, in characters
    std::int32_t longest;
};

TrainingArguments take_arguments(Parts& parts, std::int32_t version) {
    static constexpr const char* kWhat = "arguments";
    TrainingArguments arguments{};
    arguments.dim = parts.take_count<std::int32_t>("dim");
    parts.take_bytes(6 * sizeof(std::int32_t), kWhat);  // ws, epoch, minCount, neg, wordNgrams, loss
    const auto model = parts.take<std::int32_t>(kWhat);
    arguments.buckets = parts.take_count<std::int32_t>("bucket");
    arguments.shortest = parts.take<std::int32_t>(kWhat);
    arguments.longest = parts.take<std::int32_t>(kWhat);
    parts.take_bytes(sizeof(std::int32_t) + sizeof(double), kWhat);  // lrUpdateRate, t
    if (version == kOldestVersion && model == kSupervised) arguments.longest = 0;
    return arguments;
}

struct Dictionary {
    std::uint64_t words = 0;
    NameList names;  ///< of the words
    bool pruned = false;
};

/// Words come first, then labels, which have no rows.
void take_entry(const std::string& path, Parts& parts, std::uint64_t entry, Dictionary& dictionary) {
    const std::size_t begin = parts.at();
    const auto here = [&] { return path + ": entry " + std::to_string(entry) + " at byte " + std::to_string(begin); };
    const std::string_view name = parts.take_text("dictionary");
    parts.take<std::int64_t>("dictionary");  // how often it occurred
    const auto type = parts.take<std::int8_t>("dictionary");
    const int expected = entry < dictionary.words ? 0 : 1;
    if (type != expected) fail(here(), ": of type ", int{type}, ", expected ", expected, " (0 is a word, 1 a label)");
    if (name.empty()) fail(here(), ": an empty name");
    if (name.find('\n') != std::string_view::npos) fail(here(), ": a newline in its name");
    if (entry >= dictionary.words) return;
    dictionary.names.append(name);
}

Dictionary take_dictionary(const std::string& path, Parts& parts) {
    const std::size_t begin = parts.at();
    const std::uint64_t entries = parts.take_count<std::int32_t>("size of the dictionary");
    Dictionary dictionary;
    dictionary.words = parts.take_count<std::int32_t>("number of words");
    const std::uint64_t labels = parts.take_count<std::int32_t>("number of labels");
    if (dictionary.words + labels != entries) {
        fail(path, ": byte ", begin, ": ", entries, " entries, but ", dictionary.words, " words and ", labels,
             " labels");
    }
    parts.take<std::int64_t>("dictionary");  // words of the training text
    const auto kept_ngrams = parts.take<std::int64_t>("dictionary");
    for (std::uint64_t entry = 0; entry < entries; ++entry) take_entry(path, parts, entry, dictionary);
    dictionary.pruned = kept_ngrams > 0;
    for (std::int64_t i = 0; i < kept_ngrams; ++i) parts.take_bytes(2 * sizeof(std::int32_t), "pruned n-grams");
    return dictionary;
}

/// Only `fasttext quantize` prunes, so that a pruned model is a quantized one: the table would not tell which n-grams
/// its rows are of.
void check_kind(const std::string& path, bool quantized, bool pruned) {
    static constexpr const char* kAdvice = "; retrain, or convert the model from before 'fasttext quantize'";
    if (quantized) fail(path, ": a quantized fastText model (.ftz)", kAdvice);
    if (pruned) fail(path, ": a fastText model with a pruned dictionary", kAdvice);
}

std::span<const std::byte> take_matrix(const std::string& path, Parts& parts, const TrainingArguments& arguments,
                                       std::uint64_t rows) {
    const std::size_t begin = parts.at();
    const std::uint64_t stored_rows = parts.take_count<std::int64_t>("rows of the input matrix");
    const std::uint64_t stored_dim = parts.take_count<std::int64_t>("columns of the input matrix");
    if (stored_rows != rows || stored_dim != arguments.dim) {
        fail(path, ": byte ", begin, ": an input matrix of ", stored_rows, " x ", stored_dim, ", expected ", rows,
             " x ", arguments.dim, ", of which ", arguments.buckets, " rows are buckets");
    }
    check_dim(path, arguments.dim);
    return parts.take_bytes(rows * arguments.dim * sizeof(float), "input matrix");
}

std::string source_text(const std::string& path, const TrainingArguments& arguments, const Dictionary& dictionary) {
    return file_name_of(path) + ": " + std::to_string(dictionary.words) + " words, " +
           std::to_string(arguments.buckets) + " buckets, n-grams of " + std::to_string(arguments.shortest) + " to " +
           std::to_string(arguments.longest);
}

/// The words, and an empty name a bucket.
RowNames names_of_rows(Dictionary dictionary, const TrainingArguments& arguments) {
    for (std::uint64_t i = 0; dictionary.words > 0 && i < arguments.buckets; ++i) dictionary.names.append("");
    return dictionary.names.take();
}

}  // namespace

bool is_fasttext(std::span<const std::byte> bytes) {
    return bytes.size() >= sizeof kMagic && std::memcmp(bytes.data(), &kMagic, sizeof kMagic) == 0;
}

Sources open_fasttext_source(support::MappedFile mapped) {
    const auto file = std::make_shared<const support::MappedFile>(std::move(mapped));
    const std::string& path = file->path();
    Parts parts(path, file->bytes());
    parts.take<std::int32_t>("magic");
    const auto version = parts.take<std::int32_t>("version");
    if (version < kOldestVersion || version > kNewestVersion) {
        fail(path, ": fastText format version ", version, "; known are ", kOldestVersion, " and ", kNewestVersion);
    }
    const TrainingArguments arguments = take_arguments(parts, version);
    Dictionary dictionary = take_dictionary(path, parts);
    const bool quantized = parts.take<std::uint8_t>("input matrix") != 0;
    check_kind(path, quantized, dictionary.pruned);
    const std::uint64_t rows = dictionary.words + arguments.buckets;
    const std::span<const std::byte> matrix = take_matrix(path, parts, arguments, rows);
    NewTable description;
    description.name = table_name_of(path);
    description.source = source_text(path, arguments, dictionary);
    description.shape.rows = rows;
    description.shape.dim = arguments.dim;
    const RowNames names = names_of_rows(std::move(dictionary), arguments);
    description.row_names = names.text;
    const auto owner =
        std::make_shared<const std::pair<std::shared_ptr<const support::MappedFile>, RowNames>>(file, names);
    Sources sources;
    sources.push_back(make_matrix_source(path, std::move(description),
                                         dense_matrix(owner, matrix.data(), Element::f32, rows, arguments.dim)));
    return sources;
}

}  // namespace rowpool::tools
