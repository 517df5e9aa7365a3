// Files that are not read as they are: what they are, and what to do about them.
#include "tools/inputs/foreign.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kProbeBytes = 4096;

struct Foreign {
    std::string_view begin;
    std::string_view kind;
    bool has_nul = false;  ///< what begins so without one may be the name of a row
};

constexpr std::array kForeign = {
    Foreign{"BZh91AY&SY", "compressed by bzip2; unpack it first with bunzip2"},
    Foreign{"\xfd"
            "7zXZ",
            "compressed by xz; unpack it first with unxz"},
    Foreign{"\x28\xb5\x2f\xfd", "compressed by zstd; unpack it first with unzstd"},
    Foreign{"7z\xbc\xaf", "a 7z archive; unpack it first"},
    Foreign{"GGUF", "a GGUF model; convert the safetensors files or the checkpoint that it was made from", true},
    Foreign{"\x89HDF\r\n\x1a\n", "an HDF5 file; numpy.save() the dataset of it that is wanted, and convert that .npy"},
    Foreign{"version https://git-lfs.github.com/spec/",
            "a git-lfs pointer in the place of the file; fetch that with git lfs pull"},
    Foreign{"PAR1", "a Parquet file; numpy.save() the column that is wanted as a matrix, and convert that .npy", true},
    Foreign{"ARROW1", "an Arrow file; numpy.save() the column that is wanted as a matrix, and convert that .npy", true},
    Foreign{"SQLite format 3", "an SQLite database; write the vectors as text: a line a row, its name and its numbers"},
    Foreign{"<!DOCTYPE", "a web page; the download of the file went wrong"},
    Foreign{"<!doctype", "a web page; the download of the file went wrong"},
    Foreign{"<html", "a web page; the download of the file went wrong"},
};

std::string_view probe(std::span<const std::byte> bytes) { return as_text(bytes).substr(0, kProbeBytes); }

std::string_view without_leading_blanks(std::string_view text) {
    return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

/// An object, or a list of objects, lists or numbers: no name of a row is likely to begin so, and numbers to follow.
bool is_json(std::string_view text) {
    text = without_leading_blanks(text);
    if (text.empty() || (text.front() != '{' && text.front() != '[')) return false;
    const std::string_view next = without_leading_blanks(text.substr(1));
    if (next.empty()) return false;
    if (text.front() == '{') return next.front() == '"';
    return next.front() == '{' || next.front() == '[' ||
           (next.find(',') < next.find('\n') && next.front() != ' ' &&
            (next.front() == '-' || (next.front() >= '0' && next.front() <= '9')));
}

bool is_tar(std::string_view text) {
    constexpr std::size_t kMagicAt = 257;
    return text.size() > kMagicAt && text.substr(kMagicAt).starts_with("ustar");
}

/// A link of a cache or a repository that a copy has turned into a text with the path.
bool is_link_text(std::string_view text) {
    return text.starts_with("../") && text.size() < 512 && text.find_first_of(" \t") == text.npos &&
           text.find('\n') >= text.size() - 1;
}

}  // namespace

std::optional<std::string> foreign_kind(std::span<const std::byte> bytes) {
    const std::string_view text = probe(bytes);
    const bool has_nul = text.find('\0') != text.npos;
    const auto known = std::ranges::find_if(
        kForeign, [&](const Foreign& f) { return text.starts_with(f.begin) && (has_nul || !f.has_nul); });
    if (known != kForeign.end()) return std::string(known->kind);
    if (text.starts_with('\x80') && text.find("gensim.") != text.npos) {
        return "a model as gensim's save() writes it; load it in gensim and use save_word2vec_format(), of a model's "
               ".wv";
    }
    if (is_tar(text)) {
        return "a tar archive; unpack it with tar -xf and convert what was in it, or load it where it is trusted, if "
               "it "
               "is a checkpoint of an old PyTorch, and save its state_dict with torch.save";
    }
    if (is_json(text)) return "JSON; write the vectors as text: a line a row, its name and its numbers";
    if (is_link_text(text)) return "the path of a symbolic link as text, not the file that it leads to; copy that";
    return {};
}

bool is_shard_index(const std::string& path, std::span<const std::byte> bytes) {
    const std::string_view text = probe(bytes);
    if (path.ends_with(".safetensors.index.json") || path.ends_with(".bin.index.json")) return true;
    return without_leading_blanks(text).starts_with('{') && text.find('\0') == text.npos &&
           text.find("\"weight_map\"") != text.npos;
}

}  // namespace rowpool::tools
