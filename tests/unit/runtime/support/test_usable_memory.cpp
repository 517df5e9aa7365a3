// Limits on memory as the cgroups of both versions have them.
#include "support/usable_memory.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "tests/support/files.hpp"

namespace rowpool::test {
namespace {

using Limit = std::optional<std::size_t>;

void write(const std::filesystem::path& path, std::string_view contents) {
    std::filesystem::create_directories(path.parent_path());
    write_file(path, contents);
}

TEST_CASE("the smallest limit of cgroups of version 2") {
    const TemporaryFolder folder;
    const std::filesystem::path root = folder.path();
    const auto limit = [&] { return support::memory_limit(root.string()); };
    const std::filesystem::path shop = root / "sys/fs/cgroup/shop";
    CHECK(!limit());
    write(root / "proc/self/cgroup", "0::/shop/search\n");
    CHECK(!limit());
    write(shop / "search/memory.max", "max\n");
    CHECK(!limit());
    write(shop / "memory.max", "8000000000\n");
    CHECK(limit() == Limit(8000000000));
    write(shop / "search/memory.high", "7000000000\n");
    CHECK(limit() == Limit(7000000000));
    write(shop / "search/memory.max", "6000000000\n");
    CHECK(limit() == Limit(6000000000));
    write(root / "sys/fs/cgroup/memory.max", "5000000000\n");  // that of a container
    CHECK(limit() == Limit(5000000000));
    for (const char* none : {"", "x", "-1", "1k", "99999999999999999999"}) {
        write(root / "sys/fs/cgroup/memory.max", none);
        CHECK_MESSAGE(limit() == Limit(6000000000), none);
    }
}

TEST_CASE("the limit of a cgroup of version 1") {
    const TemporaryFolder folder;
    const std::filesystem::path root = folder.path();
    write(root / "proc/self/cgroup", "9:name=systemd:/\n4:memory:/docker/1234\n0::/\n");
    write(root / "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");  // no limit
    CHECK(support::memory_limit(root.string()) == Limit(9223372036854771712U));
    write(root / "sys/fs/cgroup/memory/docker/1234/memory.limit_in_bytes", "4096\n");
    CHECK(support::memory_limit(root.string()) == Limit(4096));
}

TEST_CASE("this machine has memory") { CHECK(support::usable_memory() > std::size_t{1} << 20); }

}  // namespace
}  // namespace rowpool::test
