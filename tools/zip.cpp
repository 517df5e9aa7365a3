// Zip archives: members by name, and their contents.
#include "zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <new>
#include <utility>

#include "failure.hpp"
#include "text.hpp"
#include "zip_directory.hpp"

namespace rowpool::tools {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 30;  // zlib counts in 32 bits
constexpr int kWithoutZlibHeader = -MAX_WBITS;

/// How far inflating came.
struct Inflation {
    std::size_t read = 0;
    std::size_t written = 0;
    bool complete = false;  ///< the deflated data came to their end
};

Inflation inflate_into(std::span<const std::byte> packed, std::span<std::byte> out) {
    z_stream stream = {};
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));  // zlib only reads it
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    if (inflateInit2(&stream, kWithoutZlibHeader) != Z_OK) throw std::bad_alloc();
    int status = Z_OK;
    while (status == Z_OK) {
        stream.avail_in = static_cast<uInt>(std::min(kPiece, packed.size() - stream.total_in));
        stream.avail_out = static_cast<uInt>(std::min(kPiece, out.size() - stream.total_out));
        status = inflate(&stream, Z_NO_FLUSH);
    }
    inflateEnd(&stream);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    return {stream.total_in, stream.total_out, status == Z_STREAM_END};
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

ZipArchive::ZipArchive(MappedFile file) : file_(std::move(file)), members_(read_zip_directory(file_)) {
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

SharedBytes ZipArchive::read(const ZipMember& member) const {
    const std::span<const std::byte> stored = file_.bytes().subspan(member.data, member.packed_size);
    const SharedBytes contents =
        member.deflated ? inflated(member, stored) : SharedBytes{std::make_shared<MappedFile>(file_), stored};
    const auto* bytes = reinterpret_cast<const Bytef*>(contents.bytes.data());
    const auto found = static_cast<std::uint32_t>(crc32_z(0, bytes, contents.bytes.size()));
    if (found != member.crc32) {
        fail(member_text(path(), member.name), ": byte ", member.data, ": damaged: its CRC-32 is ", hex(found),
             ", not ", hex(member.crc32));
    }
    return contents;
}

SharedBytes ZipArchive::inflated(const ZipMember& member, std::span<const std::byte> packed) const {
    const std::string where = member_text(path(), member.name) + ": byte ";
    if (member.size >= physical_memory()) {
        fail(where, member.data, ": its ", member.size, " bytes would not fit into the memory of this machine, ",
             human_bytes(physical_memory()));
    }
    const std::size_t room = member.size + 1;  // a byte too many must show
    const std::shared_ptr<std::byte[]> buffer = std::make_shared_for_overwrite<std::byte[]>(room);
    const Inflation done = inflate_into(packed, {buffer.get(), room});
    if (done.written == room) fail(where, member.data, ": inflates to more than its ", member.size, " bytes");
    if (!done.complete) fail(where, member.data + done.read, ": deflated data are bad or cut short");
    if (done.written != member.size) {
        fail(where, member.data, ": inflates to ", done.written, " bytes instead of ", member.size);
    }
    if (done.read != packed.size()) {
        fail(where, member.data + done.read, ": ", packed.size() - done.read, " bytes after the end of deflated data");
    }
    return {buffer, {buffer.get(), member.size}};
}

}  // namespace rowpool::tools
