// The central directory of a zip archive. Everything that is read of it is checked before it is used.
#include "tools/inputs/zip/zip_directory.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kDirectoryEntry = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50;
constexpr std::uint32_t kEnd64Locator = 0x07064b50;
constexpr std::size_t kLocalHeaderBytes = 30;
constexpr std::size_t kEntryBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocatorBytes = 20;
constexpr std::size_t kLongestComment = 0xffff;

constexpr std::uint32_t kIn64 = 0xffffffff;  // a number that stands in the zip64 field instead
constexpr unsigned kZip64Field = 1;
constexpr unsigned kEncrypted = 1U << 0 | 1U << 6 | 1U << 13;
constexpr unsigned kPatched = 1U << 5;
constexpr unsigned kStored = 0;
constexpr unsigned kDeflated = 8;
// A match of 258 bytes takes at least two bits, one of its length and one of its distance.
constexpr std::uint64_t kMostInflation = 258 * 8 / 2;

/// A run of little-endian numbers in the file. Nothing is read past its end.
class Fields {
public:
    /// The whole file.
    explicit Fields(const support::MappedFile& file) : path_(file.path()), bytes_(file.bytes()) {}

    /// `size` bytes from `at` on, both counted in this run; `what` names them when the run ends before.
    Fields part(std::uint64_t at, std::uint64_t size, const char* what) const {
        if (at > bytes_.size() || size > bytes_.size() - at) {
            fail(path_, ": byte ", begin_ + at, ": ", what, " of ", size, " bytes runs past byte ",
                 begin_ + bytes_.size());
        }
        return {path_, bytes_.subspan(at, size), begin_ + at};
    }

    unsigned u16(std::size_t at) const { return number<std::uint16_t>(at); }
    std::uint32_t u32(std::size_t at) const { return number<std::uint32_t>(at); }
    std::uint64_t u64(std::size_t at) const { return number<std::uint64_t>(at); }

    const std::string& path() const { return path_; }
    std::uint64_t begin() const { return begin_; }  ///< byte of the file
    std::size_t size() const { return bytes_.size(); }
    std::string_view text() const { return as_text(bytes_); }

private:
    Fields(const std::string& path, std::span<const std::byte> bytes, std::uint64_t begin)
        : path_(path), bytes_(bytes), begin_(begin) {}

    template <class T>
    T number(std::size_t at) const {
        T value = 0;
        std::memcpy(&value, bytes_.subspan(at).first(sizeof value).data(), sizeof value);
        return value;
    }

    const std::string& path_;
    std::span<const std::byte> bytes_;
    std::uint64_t begin_ = 0;
};

/// Where the entries of the members are.
struct Directory {
    std::uint64_t begin = 0;
    std::uint64_t size = 0;
    std::uint64_t entries = 0;
    std::uint64_t end = 0;  ///< byte of the file at which the record that says all this begins
};

/// The end record: the last one whose comment ends where the file ends.
Fields find_end(const Fields& file) {
    if (file.size() >= kEndBytes) {
        const std::size_t last = file.size() - kEndBytes;
        for (std::size_t comment = 0; comment <= std::min(last, kLongestComment); ++comment) {
            const Fields end = file.part(last - comment, kEndBytes, "the end record");
            if (end.u32(0) == kEnd && end.u16(20) == comment) return end;
        }
    }
    fail(file.path(), ": no zip archive, or cut short: it does not end with a zip end record");
}

void require_one_disk(const Fields& record, bool one) {
    if (!one) fail(record.path(), ": byte ", record.begin(), ": the archive is spread over several disks");
}

/// The zip64 end record, if the archive has one: its locator stands right before the end record.
std::optional<Directory> find_directory64(const Fields& file, const Fields& end) {
    if (end.begin() < kLocatorBytes) return {};
    const Fields locator = file.part(end.begin() - kLocatorBytes, kLocatorBytes, "the zip64 locator");
    if (locator.u32(0) != kEnd64Locator) return {};
    require_one_disk(locator, locator.u32(4) == 0 && locator.u32(16) <= 1);
    const Fields record = file.part(locator.u64(8), kEnd64Bytes, "the zip64 end record");
    const bool fits = record.begin() + kEnd64Bytes <= locator.begin() &&
                      record.u64(4) == locator.begin() - record.begin() - 12;  // of its own bytes, 12 do not count
    if (record.u32(0) != kEnd64 || !fits) {
        fail(file.path(), ": byte ", record.begin(), ": no zip64 end record that reaches to its locator");
    }
    require_one_disk(record, record.u32(16) == 0 && record.u32(20) == 0 && record.u64(24) == record.u64(32));
    return Directory{record.u64(48), record.u64(40), record.u64(32), record.begin()};
}

Directory find_directory(const Fields& file) {
    const Fields end = find_end(file);
    Directory found = {end.u32(16), end.u32(12), end.u16(10), end.begin()};
    if (const std::optional<Directory> wide = find_directory64(file, end)) {
        found = *wide;
    } else {
        require_one_disk(end, end.u16(4) == 0 && end.u16(6) == 0 && end.u16(8) == end.u16(10));
    }
    if (found.begin > found.end || found.size != found.end - found.begin) {
        fail(file.path(), ": byte ", found.end, ": the end record places a directory of ", found.size,
             " bytes at byte ", found.begin, ", which does not end where the record begins");
    }
    return found;
}

/// Replaces the numbers that stand in the zip64 field, in the order in which they do.
void take_zip64(const Fields& extra, ZipMember& member) {
    std::size_t at = 0;
    for (std::uint64_t* number : {&member.size, &member.packed_size, &member.header}) {
        if (*number != kIn64) continue;
        if (extra.size() - at < 8) fail(extra.path(), ": byte ", extra.begin(), ": the zip64 field lacks a number");
        *number = extra.u64(at);
        at += 8;
    }
}

void read_extra(const Fields& extra, ZipMember& member) {
    const bool wide = std::max({member.size, member.packed_size, member.header}) == kIn64;
    std::size_t at = 0;
    while (wide && at + 4 <= extra.size()) {
        const Fields field = extra.part(at + 4, extra.u16(at + 2), "an extra field");
        if (extra.u16(at) == kZip64Field) return take_zip64(field, member);
        at += 4 + field.size();
    }
    if (wide) fail(extra.path(), ": byte ", extra.begin(), ": a 64-bit number without its zip64 field");
}

void check_entry(const Fields& entry, const ZipMember& member) {
    const std::string where = member_text(entry.path(), member.name) + ": byte " + std::to_string(entry.begin()) + ": ";
    const unsigned flags = entry.u16(8);
    const unsigned method = entry.u16(10);
    if ((flags & kEncrypted) != 0) fail(where, "encrypted");
    if ((flags & kPatched) != 0) fail(where, "patch data, no contents");
    if (method != kStored && method != kDeflated) fail(where, "compression method ", method, " is unknown");
    require_one_disk(entry, entry.u16(34) == 0);
    if (method == kStored && member.size != member.packed_size) {
        fail(where, "not compressed, but ", member.packed_size, " bytes for contents of ", member.size);
    }
    if (member.size / kMostInflation > member.packed_size) {
        fail(where, member.packed_size, " bytes cannot inflate to ", member.size);
    }
}

/// Where the entry's member begins, after a local header that must be of the same member.
void find_data(const Fields& file, const Fields& entry, ZipMember& member) {
    const Fields local = file.part(member.header, kLocalHeaderBytes, "a local header");
    const Fields name = file.part(member.header + kLocalHeaderBytes, local.u16(26), "the name in a local header");
    const bool same = local.u32(0) == kLocalHeader && local.u16(8) == entry.u16(10) && name.text() == member.name;
    if (!same) {
        fail(member_text(file.path(), member.name), ": byte ", member.header,
             ": no local header of this member, of which the directory says that it is there");
    }
    member.data = member.header + kLocalHeaderBytes + name.size() + local.u16(28);
    file.part(member.data, member.packed_size, "a member");
}

/// The member of the entry at byte `at` of the directory; `at` is then that of the next one.
ZipMember read_entry(const Fields& file, const Fields& directory, std::uint64_t& at) {
    const Fields entry = directory.part(at, kEntryBytes, "a directory entry");
    if (entry.u32(0) != kDirectoryEntry) fail(file.path(), ": byte ", entry.begin(), ": no directory entry");
    const Fields name = directory.part(at + kEntryBytes, entry.u16(28), "a member's name");
    const Fields extra = directory.part(at + kEntryBytes + name.size(), entry.u16(30), "a member's extra fields");
    at += kEntryBytes + name.size() + extra.size();
    directory.part(at, entry.u16(32), "a member's comment");
    at += entry.u16(32);
    ZipMember member = {.name = std::string(name.text()),
                        .size = entry.u32(24),
                        .packed_size = entry.u32(20),
                        .header = entry.u32(42),
                        .crc32 = entry.u32(16),
                        .deflated = entry.u16(10) == kDeflated};
    read_extra(extra, member);
    check_entry(entry, member);
    find_data(file, entry, member);
    return member;
}

/// Every byte belongs to one member at most, and none to the directory: what overlaps is a trap, or damaged.
void refuse_overlaps(const support::MappedFile& file, const std::vector<ZipMember>& members,
                     const Directory& directory) {
    std::vector<const ZipMember*> sorted;
    for (const ZipMember& member : members) sorted.push_back(&member);
    std::sort(sorted.begin(), sorted.end(),
              [](const ZipMember* a, const ZipMember* b) { return a->header < b->header; });
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        const std::uint64_t end = sorted[i]->data + sorted[i]->packed_size;
        const std::uint64_t limit = i + 1 < sorted.size() ? sorted[i + 1]->header : directory.begin;
        if (end <= limit) continue;
        fail(member_text(file.path(), sorted[i]->name), ": byte ", limit, ": it reaches to byte ", end, ", into ",
             i + 1 < sorted.size() ? "member " + printable(sorted[i + 1]->name) : "the directory");
    }
}

}  // namespace

std::vector<ZipMember> read_zip_directory(const support::MappedFile& mapped) {
    const Fields file(mapped);
    const Directory directory = find_directory(file);
    const Fields entries = file.part(directory.begin, directory.size, "the directory");
    std::vector<ZipMember> members;
    for (std::uint64_t at = 0; at < entries.size();) members.push_back(read_entry(file, entries, at));
    if (members.size() != directory.entries) {
        fail(file.path(), ": byte ", directory.end, ": the end record says ", directory.entries,
             " members, the directory has ", members.size());
    }
    refuse_overlaps(mapped, members, directory);
    return members;
}

}  // namespace rowpool::tools
