// Zip archives, read from a mapped file: .npz files, and what else packs its parts that way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/mapped_file.hpp"
#include "tools/base/memory.hpp"

namespace rowpool::tools {

/// One file in an archive.
struct ZipMember {
    std::string name;               ///< any bytes
    std::uint64_t size = 0;         ///< of its contents
    std::uint64_t packed_size = 0;  ///< as stored; equal to `size` unless deflated
    std::uint64_t header = 0;       ///< byte of the archive at which its local header begins
    std::uint64_t data = 0;         ///< byte of the archive at which what is stored begins
    std::uint32_t crc32 = 0;        ///< of its contents
    bool deflated = false;
};

/// An archive whose structure is checked in full when it is made. Immutable; safe to share; cheap to move.
/// Source: PKWARE's APPNOTE.TXT 6.3.10, without encryption, several disks, and methods other than 0 and 8 (RFC 1951).
class ZipArchive {
public:
    /// Reads the central directory and every member's local header, no contents. The file is taken as hostile: fails,
    /// naming archive, member and byte, when anything lies outside the file, overlaps, or contradicts itself, when two
    /// members have one name, or when a member claims to inflate to more than deflating can pack.
    explicit ZipArchive(support::MappedFile file);
    ZipArchive(ZipArchive&&) noexcept = default;
    ZipArchive(const ZipArchive&) = delete;
    ZipArchive& operator=(const ZipArchive&) = delete;
    ~ZipArchive() = default;

    const std::string& path() const { return file_.path(); }
    /// In the order of the central directory, which is the order in which they were added.
    std::span<const ZipMember> members() const { return members_; }
    /// The member of that name, or null.
    const ZipMember* find(std::string_view name) const;

    /// The contents of one of members(): where they lie in the mapping, or inflated into a temporary file that is
    /// mapped. Fails when they do not have the size and the CRC-32 that the archive says, or when a file of that size
    /// cannot be written. Stops when interrupted. Thread safe.
    SharedBytes read(const ZipMember& member) const;
    /// The same without a look at the CRC-32 of what is not deflated: takes no time, whatever the size.
    SharedBytes map(const ZipMember& member) const;

private:
    std::span<const std::byte> stored(const ZipMember& member) const;
    SharedBytes inflated(const ZipMember& member) const;
    void check_crc(const ZipMember& member, std::uint32_t found) const;

    support::MappedFile file_;
    std::vector<ZipMember> members_;
    std::map<std::string_view, std::size_t> positions_;  // by name; the keys lie in members_
};

/// "ARCHIVE: member NAME", for messages.
std::string member_text(const std::string& archive, std::string_view member);

}  // namespace rowpool::tools
