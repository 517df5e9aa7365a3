// Orders about pages: reading them in, where the kernel has a call for it and where not, and what a short file does.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "memory/pages.hpp"
#include "rowpool/isa.hpp"
#include "support/mapped_file.hpp"
#include "tests/support/files.hpp"
#include "tests/support/in_child.hpp"
#include "tests/support/smaps.hpp"

namespace rowpool::test {
namespace {

constexpr long kKib = 8 * 1024;

/// A file of kKib, mapped and not looked at.
struct Mapped {
    const TemporaryFolder folder;
    const support::MappedFile file;

    Mapped() : file(make(folder / "f")) {}
    static support::MappedFile make(const std::string& path) {
        write_file(path, std::string(kKib * 1024, 'x'));
        return *support::MappedFile::open(path);
    }
    long resident_kib() const { return smaps_kib(file.bytes().data(), "Rss"); }
};

/// Makes the kernel look like one before 5.14, which does not know MADV_POPULATE_READ.
bool forget_populate() {
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MADV_POPULATE_READ, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program = {.len = std::size(code), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_CASE("populate on a kernel that cannot touches every page") {
    const Mapped mapped;
    const std::string answer = in_child_with_isa(std::string(*active_isa()), [&] {
        if (!forget_populate()) return std::string("no filter");
        const auto bytes = mapped.file.bytes();
        if (madvise(const_cast<std::byte*>(bytes.data()), 4096, MADV_POPULATE_READ) == 0) return std::string("it can");
        if (memory::populate(bytes.subspan(1)) != 0) return std::string("failed");
        return std::to_string(mapped.resident_kib());
    });
    if (answer == "no filter") {
        MESSAGE("skipped: this system does not let us filter system calls");
        return;
    }
    CHECK(answer == std::to_string(kKib));
}

TEST_CASE("populate reads all pages that the bytes touch") {
    const Mapped mapped;
    CHECK(mapped.resident_kib() < kKib / 2);
    CHECK(memory::populate(mapped.file.bytes().subspan(100, 0)) == 0);
    CHECK(memory::populate(mapped.file.bytes().subspan(4095, kKib * 1024 - 2 * 4095)) == 0);
    CHECK(mapped.resident_kib() == kKib);
}

/// Whether the page cache has the page at `at`.
bool is_cached(const std::byte* at) {
    unsigned char page = 0;
    CHECK(mincore(const_cast<std::byte*>(at), 1, &page) == 0);
    return (page & 1) != 0;
}

TEST_CASE("pages that are begun to be read are soon in memory, and no others") {
    const Mapped mapped;
    const std::byte* const first = mapped.file.bytes().data();
    const int file = ::open((mapped.folder / "f").c_str(), O_RDONLY);
    REQUIRE(file >= 0);
    const bool is_dropped = ::fsync(file) == 0 && ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0 &&
                            !is_cached(first) && !is_cached(first + 512 * 4096);
    ::close(file);
    if (!is_dropped) {
        MESSAGE("skipped: the folder of temporary files stays in memory");
        return;
    }
    memory::read_singly(mapped.file.bytes());
    memory::begin_reading(mapped.file.bytes().subspan(512 * 4096 + 4000, 200));
    memory::begin_reading({});
    for (int waits = 0; waits < 1000 && !is_cached(first + 513 * 4096); ++waits) ::usleep(10000);
    CHECK(is_cached(first + 512 * 4096));
    CHECK(is_cached(first + 513 * 4096));
    CHECK(mapped.file.bytes()[0] == std::byte{'x'});
    CHECK(!is_cached(first + 4096));
    CHECK(!is_cached(first + 600 * 4096));
}

TEST_CASE("forgotten pages leave the page table and keep their bytes") {
    const Mapped mapped;
    REQUIRE(memory::populate(mapped.file.bytes()) == 0);
    memory::forget(mapped.file.bytes());
    CHECK(mapped.resident_kib() == 0);
    CHECK(mapped.file.bytes()[kKib * 1024 - 1] == std::byte{'x'});
}

TEST_CASE("pages that are mapped again are those of the file, at both places, without its name") {
    const Mapped mapped;
    constexpr std::size_t kSize = 2 * 4096;
    void* const memory = mmap(nullptr, kSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    const auto* const at = static_cast<std::byte*>(memory);
    std::filesystem::rename(mapped.folder / "f", mapped.folder / "g");
    CHECK(memory::map_again(mapped.file.bytes().subspan(4096, 100), static_cast<std::byte*>(memory)) == 0);
    CHECK(at[100] == std::byte{'x'});
    CHECK(smaps_entry(at).find(mapped.folder / "g") != std::string::npos);
    CHECK(smaps_entry(at + 4096).find(mapped.folder / "g") == std::string::npos);
    std::ofstream(mapped.folder / "g", std::ios::in).seekp(4096 + 50) << 'y';
    CHECK(at[50] == std::byte{'y'});
    CHECK(mapped.file.bytes()[4096 + 50] == std::byte{'y'});
    munmap(memory, kSize);
}

TEST_CASE("pages past the end of a file that has shrunk cannot be read or locked") {
    const Mapped mapped;
    std::filesystem::resize_file(mapped.folder / "f", 4096);
    CHECK(memory::populate(mapped.file.bytes()) == EIO);
    CHECK(memory::lock(mapped.file.bytes()) != 0);
}

}  // namespace
}  // namespace rowpool::test
