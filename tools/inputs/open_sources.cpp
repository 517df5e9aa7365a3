// How the format of a file is told, and which reader it has.
#include "tools/inputs/open_sources.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <utility>

#include "rowpool/types.hpp"
#include "support/mapped_file.hpp"
#include "tools/base/failure.hpp"
#include "tools/inputs/foreign.hpp"
#include "tools/inputs/input_file.hpp"
#include "tools/inputs/numpy/npy.hpp"
#include "tools/inputs/numpy/npy_source.hpp"
#include "tools/inputs/onnx/onnx.hpp"
#include "tools/inputs/onnx/onnx_source.hpp"
#include "tools/inputs/safetensors/sharded_source.hpp"
#include "tools/inputs/safetensors/table_source.hpp"
#include "tools/inputs/torch/checkpoint_source.hpp"
#include "tools/inputs/words/fasttext_source.hpp"
#include "tools/inputs/words/row_counter.hpp"
#include "tools/inputs/words/text_source.hpp"
#include "tools/inputs/words/word2vec_source.hpp"
#include "tools/inputs/zip/gzip.hpp"

namespace rowpool::tools {

namespace {

bool has_extension(const std::string& path, const char* extension) {
    return std::filesystem::path(uncompressed_name(path)).extension() == extension;
}

/// A header length that fits the file, then the header's brace. No text begins so: the length's upper bytes are 0.
bool is_safetensors(std::span<const std::byte> bytes) {
    std::uint64_t header_bytes = 0;
    if (bytes.size() <= sizeof header_bytes) return false;
    std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
    return header_bytes <= bytes.size() - sizeof header_bytes && bytes[sizeof header_bytes] == std::byte{'{'};
}

bool is_zip(std::span<const std::byte> bytes) {
    return bytes.size() >= 4 && std::memcmp(bytes.data(), "PK\3\4", 4) == 0;
}

Sources open_archive(support::MappedFile file, Reading& reading) {
    const ZipArchive archive(std::move(file));
    return is_checkpoint(archive) ? open_checkpoint_sources(archive, reading) : open_npz_sources(archive, reading);
}

void refuse_foreign(const std::string& path, std::span<const std::byte> bytes) {
    const std::optional<std::string> kind = foreign_kind(bytes);
    if (kind) fail(path, ": ", *kind);
}

/// Tells by the first piece of a compressed file how much of it is to be inflated: nothing more of what is not read
/// anyway, the rows that are wanted of word vectors, and else all.
class Enough {
public:
    Enough(std::string path, const Reading& reading) : path_(std::move(path)), reading_(reading) {}

    bool operator()(std::span<const std::byte> piece) {
        if (std::exchange(is_first_, false)) {
            if (is_shard_index(path_, piece) || is_safetensors(piece)) return false;
            if (foreign_kind(piece)) return true;
            if (reading_.limit && reading_.on_bad_line == OnBadLine::fail) {
                counter_ = RowCounter::of(piece, *reading_.limit);
            }
        }
        return counter_ && counter_->is_enough(piece);
    }

private:
    std::string path_;
    const Reading& reading_;
    bool is_first_ = true;
    std::optional<RowCounter> counter_;
};

}  // namespace

Sources open_sources(const std::string& path, Reading& reading) {
    reading.left_out_before = reading.left_out.size();
    InputFile input = open_input(path, Enough(path, reading));
    const std::span<const std::byte> bytes = input.file.bytes();
    if (is_safetensors(bytes))
        return open_table_sources(input, reading);  // its length may look like another's beginning
    support::MappedFile& file = input.file;
    if (is_shard_index(path, bytes)) return open_sharded_sources(file, reading);
    refuse_foreign(path, bytes);
    if (is_npy(bytes) || has_extension(path, ".npy")) return open_npy_source(std::move(file), reading);
    if (has_extension(path, ".safetensors")) return open_table_sources(input, reading);
    if (is_zip(bytes) || has_extension(path, ".npz")) return open_archive(std::move(file), reading);
    refuse_old_checkpoint(path, bytes);
    if (is_fasttext(bytes)) return open_fasttext_source(std::move(file));
    if (is_word2vec(bytes)) return open_word2vec_source(std::move(file), reading);
    if (is_onnx(bytes) || has_extension(path, ".onnx")) return open_onnx_sources(std::move(file), reading);
    return open_text_source(file, reading);
}

Sources open_sources(const std::string& path) {
    Reading reading;
    return open_sources(path, reading);
}

bool is_safetensors_file(const std::string& path) {
    const Result<support::MappedFile> file = support::MappedFile::open(path);
    if (!file) return false;
    if (is_safetensors(file->bytes())) return true;
    return has_extension(path, ".safetensors") && !is_gzip(file->bytes()) && !foreign_kind(file->bytes());
}

TableFile open_table_file(const std::string& path, ReadAhead read_ahead) {
    Result<TableFile> file = TableFile::open(path, {.read_ahead = read_ahead});
    if (file) return *std::move(file);
    const Result<support::MappedFile> mapped = support::MappedFile::open(path);
    if (!mapped) fail(file.error().message);
    refuse_foreign(path, mapped->bytes());
    if (is_safetensors_file(path)) fail(file.error().message);
    const bool compressed = is_gzip(mapped->bytes());
    fail(path, compressed ? ": compressed by gzip, " : ": ",
         "no table file; rowpool convert makes one of it, or says what it is: rowpool convert ", path,
         " -o OUT.safetensors");
}

}  // namespace rowpool::tools
