// Zip archives: members by name, and their contents.
#include "tools/inputs/zip/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/interrupt.hpp"
#include "tools/base/temporary_file.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/zip/inflater.hpp"
#include "tools/inputs/zip/zip_directory.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;  // of what is in memory at once

std::uint32_t crc32_of(std::uint32_t before, std::span<const std::byte> bytes) {
    return static_cast<std::uint32_t>(crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string hex(std::uint32_t number) {
    char text[16];
    std::snprintf(text, sizeof text, "%08x", number);
    return text;
}

}  // namespace

std::string member_text(const std::string& archive, std::string_view member) {
    return archive + ": member " + printable(member);
}

ZipArchive::ZipArchive(support::MappedFile file) : file_(std::move(file)), members_(read_zip_directory(file_)) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const auto [earlier, is_new] = positions_.emplace(members_[i].name, i);
        if (is_new) continue;
        fail(member_text(path(), members_[i].name), ": byte ", members_[i].header, ": another one, at byte ",
             members_[earlier->second].header, ", has the same name");
    }
}

const ZipMember* ZipArchive::find(std::string_view name) const {
    const auto found = positions_.find(name);
    return found == positions_.end() ? nullptr : &members_[found->second];
}

SharedBytes ZipArchive::map(const ZipMember& member) const {
    if (member.deflated) return inflated(member);
    return {std::make_shared<support::MappedFile>(file_), stored(member)};
}

SharedBytes ZipArchive::read(const ZipMember& member) const {
    SharedBytes contents = map(member);
    if (!member.deflated) check_crc(member, crc32_of(0, contents.bytes));
    return contents;
}

std::span<const std::byte> ZipArchive::stored(const ZipMember& member) const {
    return file_.bytes().subspan(member.data, member.packed_size);
}

void ZipArchive::check_crc(const ZipMember& member, std::uint32_t found) const {
    if (found == member.crc32) return;
    fail(member_text(path(), member.name), ": byte ", member.data, ": damaged: its CRC-32 is ", hex(found), ", not ",
         hex(member.crc32));
}

SharedBytes ZipArchive::inflated(const ZipMember& member) const {
    const std::string where = member_text(path(), member.name) + ": byte ";
    const std::span<const std::byte> packed = stored(member);
    TemporaryFile file(member.size);
    Inflater inflater(packed, Inflater::Form::bare);
    std::vector<std::byte> buffer(kPiece);
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
    for (std::span<const std::byte> piece = inflater.next(buffer); !piece.empty(); piece = inflater.next(buffer)) {
        stop_if_interrupted();
        size += piece.size();
        if (size > member.size) fail(where, member.data, ": inflates to more than its ", member.size, " bytes");
        crc = crc32_of(crc, piece);
        file.append(piece);
    }
    if (!inflater.complete()) fail(where, member.data + inflater.read(), ": deflated data are bad or cut short");
    if (size != member.size) fail(where, member.data, ": inflates to ", size, " bytes instead of ", member.size);
    if (inflater.read() != packed.size()) {
        fail(where, member.data + inflater.read(), ": ", packed.size() - inflater.read(),
             " bytes after the end of deflated data");
    }
    check_crc(member, crc);
    return file.map();
}

}  // namespace rowpool::tools
