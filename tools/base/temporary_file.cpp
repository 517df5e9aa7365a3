// Creates, writes and maps unnamed files.
#include "tools/base/temporary_file.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <system_error>

#include "support/mapped_file.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

std::string folder() {
    const char* set = std::getenv("TMPDIR");
    return set != nullptr && *set != '\0' ? set : "/var/tmp";  // /tmp may be memory
}

[[noreturn]] void fail_with_reason(const char* what) {
    fail("cannot ", what, " a temporary file in ", folder(),
         " (TMPDIR sets another folder): ", std::generic_category().message(errno));
}

}  // namespace

TemporaryFile::TemporaryFile(std::uint64_t bytes) {
    require_room(bytes);
    std::string path = folder() + "/rowpool-XXXXXX";
    file_ = support::Descriptor(::mkostemp(path.data(), O_CLOEXEC));
    if (!file_) fail_with_reason("make");
    ::unlink(path.c_str());
}

void TemporaryFile::require_room(std::uint64_t bytes) const {
    struct statvfs system = {};
    if (::statvfs(folder().c_str(), &system) != 0) fail_with_reason("make");
    const std::uint64_t free = std::uint64_t{system.f_bavail} * system.f_frsize;
    if (bytes <= free) return;
    fail("a temporary file of ", human_bytes(bytes), " does not fit ", folder(), ", which has ", human_bytes(free),
         " left (TMPDIR sets another folder)");
}

void TemporaryFile::append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written =
            support::uninterrupted([&] { return ::write(file_.get(), bytes.data(), bytes.size()); });
        if (written < 0) fail_with_reason("write");
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

SharedBytes TemporaryFile::map() const {
    auto file = support::MappedFile::open(readable_path());
    const auto owner = std::make_shared<support::MappedFile>(value_of(std::move(file)));
    return {owner, owner->bytes()};
}

std::string TemporaryFile::readable_path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

}  // namespace rowpool::tools
