// See sources.hpp.
#include "tests/fuzz/sources.hpp"

#include <sanitizer/asan_interface.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "tests/fuzz/target.hpp"

namespace rowpool::fuzz {
namespace {

constexpr std::size_t kRowsRead = 16;  // of either end of a table: a tiny file may repeat one row for ever

/// The rest of a mapping's last page, which the address sanitizer would let pass.
class ForbiddenRest {
public:
    explicit ForbiddenRest(std::span<const std::byte> mapping) {
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        begin_ = mapping.data() + mapping.size();
        size_ = (page - mapping.size() % page) % page;
        ASAN_POISON_MEMORY_REGION(begin_, size_);
    }
    ForbiddenRest(const ForbiddenRest&) = delete;
    ForbiddenRest& operator=(const ForbiddenRest&) = delete;
    ~ForbiddenRest() { ASAN_UNPOISON_MEMORY_REGION(begin_, size_); }

private:
    const std::byte* begin_;
    std::size_t size_;
};

void read_rows(const tools::Source& source, std::size_t first, std::size_t count) {
    std::vector<std::byte> buffer;
    const Table rows = source.read(first, count, buffer);
    const TableShape& shape = source.description().shape;
    require(rows.rows() == count && rows.dim() == shape.dim && rows.format() == shape.format, "the rows asked for");
    for (std::size_t i = 0; i < count; ++i) {
        touch({rows.data() + i * rows.row_stride(), row_bytes(rows.format(), rows.dim())});
    }
}

void read_table(const tools::Source& source) {
    const NewTable& table = source.description();
    require(table.shape.dim >= 1 && table.shape.dim <= kMaxDim, "tables have columns");
    touch(std::as_bytes(table.remap));
    const auto newlines = static_cast<std::size_t>(std::ranges::count(table.row_names, '\n'));
    require(table.row_names.empty() || newlines + 1 == table.num_ids(), "a name an id");
    const std::size_t count = std::min(kRowsRead, table.shape.rows);
    if (count == 0) return;
    read_rows(source, 0, count);
    read_rows(source, table.shape.rows - count, count);
}

/// The number of type T at that byte, which is there.
template <class T>
std::size_t number_at(std::span<const std::byte> bytes, std::size_t at) {
    T number = 0;
    std::memcpy(&number, bytes.data() + at, sizeof number);
    return number;
}

/// What the directory entry at that byte says of its member, if it is stored.
std::span<const std::byte> stored_bytes(std::span<const std::byte> archive, std::size_t entry) {
    const std::size_t header = number_at<std::uint32_t>(archive, entry + 42);
    const bool is_stored = number_at<std::uint16_t>(archive, entry + 10) == 0;
    if (!is_stored || header + 30 > archive.size()) return {};
    const std::size_t begin =
        header + 30 + number_at<std::uint16_t>(archive, header + 26) + number_at<std::uint16_t>(archive, header + 28);
    const std::size_t size = number_at<std::uint32_t>(archive, entry + 20);
    return begin > archive.size() || size > archive.size() - begin ? std::span<const std::byte>()
                                                                   : archive.subspan(begin, size);
}

}  // namespace

void read_sources(std::span<const std::byte> bytes, const OpenSources& open) {
    on_file(bytes, [&](const std::string& path) {
        const support::MappedFile file = tools::value_of(support::MappedFile::open(path));
        const ForbiddenRest rest(file.bytes());
        tools::Reading reading;
        for (const auto& source : open(file, reading)) read_table(*source);
    });
}

std::vector<std::byte> with_right_sums(std::span<const std::byte> bytes) {
    constexpr char kEntry[] = {'P', 'K', 1, 2};
    constexpr std::size_t kEntryBytes = 46;
    std::vector<std::byte> archive(bytes.begin(), bytes.end());
    for (std::size_t at = 0; at + kEntryBytes <= archive.size(); ++at) {
        if (std::memcmp(archive.data() + at, kEntry, sizeof kEntry) != 0) continue;
        const std::span<const std::byte> stored = stored_bytes(archive, at);
        if (stored.empty()) continue;
        const auto sum =
            static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(stored.data()), stored.size()));
        std::memcpy(archive.data() + at + 16, &sum, sizeof sum);
    }
    return archive;
}

}  // namespace rowpool::fuzz
