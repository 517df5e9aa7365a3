// What was read of a large input leaves memory behind the reader, and of a small one stays.
#include <doctest/doctest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "support/mapped_file.hpp"
#include "support/output_file.hpp"
#include "tests/support/files.hpp"
#include "tests/support/smaps.hpp"
#include "tools/convert/drop_behind.hpp"

namespace rowpool::test {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kFileBytes = 64 * kMiB;
constexpr std::size_t kBegin = 100;  // rows seldom begin where a page does

/// A file on disk, so that its pages can leave memory.
support::MappedFile synced_file(const std::string& path) {
    support::OutputFile file = std::move(*support::OutputFile::create(path));
    const std::vector<std::byte> bytes(kFileBytes, std::byte{1});
    REQUIRE(file.write_at(0, bytes));
    REQUIRE(file.commit());
    return *support::MappedFile::open(path);
}

/// Whether the files of a folder are held by memory alone and cannot leave it; says so.
bool is_in_memory(const TemporaryFolder& folder) {
    struct statfs status = {};
    const bool in_memory = ::statfs(folder.path().c_str(), &status) == 0 && status.f_type == TMPFS_MAGIC;
    if (in_memory) MESSAGE("skipped: the folder for temporary files is in memory");
    return in_memory;
}

std::size_t sum_of(std::span<const std::byte> bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), std::size_t{0},
                           [](std::size_t sum, std::byte byte) { return sum + std::to_integer<std::size_t>(byte); });
}

/// Reads a file in steps and leaves them behind.
void pass_over(std::span<const std::byte> bytes, tools::DropBehind behind) {
    for (bytes = bytes.subspan(kBegin); !bytes.empty();) {
        const std::span<const std::byte> step = bytes.first(std::min(3 * kMiB, bytes.size()));
        CHECK(sum_of(step) == step.size());
        behind.passed(step);
        bytes = bytes.subspan(step.size());
    }
}

long resident_mib(const support::MappedFile& file) { return smaps_kib(file.bytes().data(), "Rss") / 1024; }

}  // namespace

TEST_SUITE("drop_behind") {
    TEST_CASE("an input of more than half of the memory leaves it, but for the last part") {
        const TemporaryFolder folder;
        if (is_in_memory(folder)) return;
        const support::MappedFile file = synced_file(folder / "large");
        pass_over(file.bytes(), tools::DropBehind(kFileBytes, 2 * kFileBytes - 1));
        CHECK(resident_mib(file) < 20);
        CHECK(sum_of(file.bytes()) == kFileBytes);
    }

    TEST_CASE("an input of half of the memory stays") {
        const TemporaryFolder folder;
        const support::MappedFile file = synced_file(folder / "small");
        pass_over(file.bytes(), tools::DropBehind(kFileBytes, 2 * kFileBytes));
        CHECK(resident_mib(file) > 60);
    }

    TEST_CASE("parts with something between them are dropped each for itself") {
        const TemporaryFolder folder;
        if (is_in_memory(folder)) return;
        const support::MappedFile file = synced_file(folder / "parts");
        CHECK(sum_of(file.bytes()) == kFileBytes);
        tools::DropBehind behind(2, 1);
        behind.passed({});
        constexpr std::size_t kGap = 64;
        for (std::size_t at = 0; at + 4 * kMiB <= kFileBytes; at += 4 * kMiB) {
            behind.passed(file.bytes().subspan(at, 4 * kMiB - kGap));
        }
        CHECK(resident_mib(file) < 8);  // the last part
        CHECK(sum_of(file.bytes()) == kFileBytes);
        behind.passed(file.bytes().subspan(32 * kMiB, 16 * kMiB));
        behind.passed(file.bytes().first(16 * kMiB));
        CHECK(resident_mib(file) >= 28);
        CHECK(resident_mib(file) < 36);
        CHECK(sum_of(file.bytes()) == kFileBytes);
    }
}

}  // namespace rowpool::test
