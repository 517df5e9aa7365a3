// Input files, as they are or compressed by gzip.
#include "tools/inputs/input_file.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "tools/base/failure.hpp"
#include "tools/base/progress.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/source.hpp"
#include "tools/inputs/zip/gzip.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::uint64_t kMostLeft = std::uint64_t{64} << 20;  // of the folder's room, to others who write to it

/// Grows a temporary file while there is room.
class Growing {
public:
    explicit Growing(const std::string& path) : path_(path), file_(std::make_shared<TemporaryFile>(0)) {}

    void append(std::span<const std::byte> bytes) {
        try {
            file_->require_room(bytes.size() + std::min(kMostLeft, size_ / 8));
            file_->append(bytes);
        } catch (const Failure& failure) {
            fail(path_, ": inflates to more than ", human_bytes(size_), ": ", failure.what());
        }
        size_ += bytes.size();
    }

    std::shared_ptr<const TemporaryFile> take() { return std::move(file_); }

private:
    const std::string& path_;
    std::shared_ptr<TemporaryFile> file_;
    std::uint64_t size_ = 0;
};

std::shared_ptr<const TemporaryFile> inflate(const support::MappedFile& file, const IsEnough& is_enough) {
    Progress progress("inflating " + file_name_of(file.path()), file.bytes().size());
    GzipReader reader(file);
    Growing inflated(file.path());
    std::vector<std::byte> buffer(kPiece);
    std::size_t reported = 0;
    std::span<const std::byte> piece = reader.next(buffer);
    if (is_gzip(piece)) fail(file.path(), ": compressed by gzip twice; unpack it once with gunzip");
    for (; !piece.empty(); piece = reader.next(buffer)) {
        inflated.append(piece);
        progress.advance(reader.read() - reported);
        reported = reader.read();
        if (is_enough(piece)) break;
    }
    return inflated.take();
}

}  // namespace

InputFile open_input(const std::string& path, const IsEnough& is_enough) {
    support::MappedFile file = value_of(support::MappedFile::open(path));
    if (!is_gzip(file.bytes())) return {std::move(file)};
    std::shared_ptr<const TemporaryFile> inflated = inflate(file, is_enough);
    return {value_of(support::MappedFile::open(inflated->readable_path(), path)), inflated};
}

support::MappedFile open_input(const std::string& path) {
    return open_input(path, [](std::span<const std::byte>) { return false; }).file;
}

}  // namespace rowpool::tools
