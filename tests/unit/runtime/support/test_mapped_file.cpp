// Files mapped for reading.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <optional>
#include <sstream>

#include "rowpool/isa.hpp"
#include "support/mapped_file.hpp"
#include "tests/support/files.hpp"
#include "tests/support/in_child.hpp"
#include "tests/support/smaps.hpp"

namespace rowpool::test {
namespace {

std::string text_of(const support::MappedFile& file) {
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

Error refusal(const std::string& path) {
    const auto file = support::MappedFile::open(path);
    REQUIRE(!file);
    return file.error();
}

TEST_CASE("a map shows the file's bytes") {
    const TemporaryFolder folder;
    write_file(folder / "f", "some bytes");
    const auto file = support::MappedFile::open(folder / "f");
    REQUIRE(file);
    CHECK(text_of(*file) == "some bytes");
    CHECK(file->path() == folder / "f");
}

TEST_CASE("a copy keeps the map when the original and the file's name are gone") {
    const TemporaryFolder folder;
    write_file(folder / "f", "some bytes");
    std::optional<support::MappedFile> file = *support::MappedFile::open(folder / "f");
    const support::MappedFile copy = *file;
    file.reset();
    std::filesystem::remove(folder / "f");
    CHECK(text_of(copy) == "some bytes");
}

TEST_CASE("an empty file has no bytes") {
    const TemporaryFolder folder;
    write_file(folder / "f", "");
    const auto file = support::MappedFile::open(folder / "f");
    REQUIRE(file);
    CHECK(file->bytes().empty());
}

TEST_CASE("a symbolic link is followed") {
    const TemporaryFolder folder;
    write_file(folder / "f", "behind the link");
    std::filesystem::create_symlink("f", folder / "link");
    CHECK(text_of(*support::MappedFile::open(folder / "link")) == "behind the link");
}

TEST_CASE("a map holds no descriptor") {
    const TemporaryFolder folder;
    write_file(folder / "f", "x");
    const auto count = [] {
        using Entries = std::filesystem::directory_iterator;
        return std::distance(Entries("/proc/self/fd"), Entries());
    };
    const auto before = count();
    const auto file = support::MappedFile::open(folder / "f");
    CHECK(!support::MappedFile::open(folder.path()));
    CHECK(count() == before);
}

TEST_CASE("what is not there is an io_error with the system's reason") {
    const TemporaryFolder folder;
    CHECK(refusal(folder / "no").code == ErrorCode::io_error);
    CHECK(refusal(folder / "no").message == "cannot open " + folder / "no" + ": No such file or directory");
    CHECK(refusal("").message == "cannot open : No such file or directory");
}

TEST_CASE("folders, FIFOs and devices are refused without waiting") {
    const TemporaryFolder folder;
    REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
    for (const std::string& path : {folder.path(), folder / "fifo", std::string("/dev/null")}) {
        CHECK(refusal(path).code == ErrorCode::unsupported);
        CHECK(refusal(path).message == "cannot open " + path + ": is not a regular file");
    }
}

/// Brings every page into memory.
std::size_t touch(const support::MappedFile& file) {
    std::size_t sum = 0;
    for (std::size_t at = 0; at < file.bytes().size(); at += 4096)
        sum += std::to_integer<std::size_t>(file.bytes()[at]);
    return sum;
}

TEST_CASE("two processes that map one file share its memory") {
    constexpr long kKib = 16 * 1024;
    const TemporaryFolder folder;
    write_file(folder / "f", std::string(kKib * 1024, 'x'));
    const auto here = support::MappedFile::open(folder / "f");
    REQUIRE(here);
    const std::size_t sum = touch(*here);
    // The answers are the numbers that matter, so that a failure shows them.
    const std::string answer = in_child_with_isa(std::string(*active_isa()), [&] {
        const auto there = support::MappedFile::open(folder / "f");
        if (!there || touch(*there) != sum) return std::string("the child does not see the file");
        std::string kib;
        for (const char* field : {"Rss", "Pss", "Private_Clean", "Private_Dirty"}) {
            kib += std::to_string(smaps_kib(there->bytes().data(), field)) + " ";
        }
        return kib;
    });
    CAPTURE(answer);
    long rss = 0, pss = 0, clean = 0, dirty = 0;
    std::istringstream(answer) >> rss >> pss >> clean >> dirty;
    if (rss == -1) {
        MESSAGE("skipped: this system has no /proc/self/smaps");
        return;
    }
    CHECK(rss == kKib);
    CHECK(pss >= kKib * 2 / 5);
    CHECK(pss <= kKib * 3 / 5);
    CHECK(clean + dirty <= kKib / 100);
}

}  // namespace
}  // namespace rowpool::test
