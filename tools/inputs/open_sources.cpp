// How the format of a file is told, and which reader it has.
#include "tools/inputs/open_sources.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <utility>

#include "rowpool/file.hpp"
#include "tools/base/failure.hpp"
#include "tools/inputs/numpy/npy.hpp"
#include "tools/inputs/numpy/npy_source.hpp"
#include "tools/inputs/onnx/onnx.hpp"
#include "tools/inputs/onnx/onnx_source.hpp"
#include "tools/inputs/safetensors/sharded_source.hpp"
#include "tools/inputs/safetensors/table_source.hpp"
#include "tools/inputs/torch/checkpoint_source.hpp"
#include "tools/inputs/words/fasttext_source.hpp"
#include "tools/inputs/words/text_source.hpp"
#include "tools/inputs/words/word2vec_source.hpp"

namespace rowpool::tools {

namespace {

bool has_extension(const std::string& path, const char* extension) {
    return std::filesystem::path(path).extension() == extension;
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

Sources open_archive(MappedFile file, PackedRows& packed) {
    const ZipArchive archive(std::move(file));
    return is_checkpoint(archive) ? open_checkpoint_sources(archive, packed) : open_npz_sources(archive, packed);
}

}  // namespace

Sources open_sources(const std::string& path, PackedRows& packed) {
    MappedFile file = value_of(MappedFile::open(path));
    const std::span<const std::byte> bytes = file.bytes();
    if (is_npy(bytes) || has_extension(path, ".npy")) return open_npy_source(std::move(file), packed);
    if (path.ends_with(".safetensors.index.json")) return open_sharded_sources(file, packed);
    if (is_safetensors(bytes) || has_extension(path, ".safetensors")) return open_table_sources(path, packed);
    if (is_zip(bytes) || has_extension(path, ".npz")) return open_archive(std::move(file), packed);
    refuse_old_checkpoint(path, bytes);
    if (is_fasttext(bytes)) return open_fasttext_source(std::move(file));
    if (is_word2vec(bytes)) return open_word2vec_source(std::move(file));
    if (is_onnx(bytes) || has_extension(path, ".onnx")) return open_onnx_sources(std::move(file));
    return open_text_source(file);
}

Sources open_sources(const std::string& path) {
    PackedRows none;
    return open_sources(path, none);
}

}  // namespace rowpool::tools
