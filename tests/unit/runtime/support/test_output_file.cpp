// Files that appear whole or not at all.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <functional>

#include "rowpool/isa.hpp"
#include "support/mapped_file.hpp"
#include "support/output_file.hpp"
#include "tests/support/files.hpp"
#include "tests/support/in_child.hpp"

namespace rowpool::test {
namespace {

using Names = std::vector<std::string>;

/// Runs in a process of its own, because it changes what holds for a whole process.
std::string in_child(const std::function<std::string()>& work) {
    return in_child_with_isa(std::string(*active_isa()), work);
}

std::string create_error(const std::string& path) {
    const auto file = support::OutputFile::create(path);
    if (file) return "none";
    CHECK(file.error().code == ErrorCode::io_error);
    return file.error().message;
}

/// Writes a file of that text; returns the message of the first error, or nothing.
std::string write_whole(const std::string& path, std::string_view text) {
    auto file = support::OutputFile::create(path);
    if (!file) return file.error().message;
    if (const Status written = file->write_at(0, bytes_of(text)); !written) return written.error().message;
    const Status committed = file->commit();
    return committed ? "" : committed.error().message;
}

TEST_CASE("a committed file has all that was written, in any order") {
    const TemporaryFolder folder;
    auto file = support::OutputFile::create(folder / "f");
    REQUIRE(file);
    CHECK(file->write_at(8, bytes_of("end")));
    CHECK(file->write_at(0, bytes_of("begin")));
    CHECK(file->write_at(2, {}));
    CHECK(folder.names() != Names{"f"});
    CHECK(file->commit());
    CHECK(folder.names() == Names{"f"});
    CHECK(read_file(folder / "f") == std::string("begin\0\0\0end", 11));
}

TEST_CASE("what was written so far can be read before the commit") {
    const TemporaryFolder folder;
    auto file = support::OutputFile::create(folder / "f");
    REQUIRE(file);
    CHECK(file->write_at(0, bytes_of("half")));
    CHECK(read_file(file->readable_path()) == "half");
}

TEST_CASE("without a commit nothing is left and the old file stays") {
    const TemporaryFolder folder;
    write_file(folder / "f", "old");
    for (const char* name : {"f", "new"}) {
        auto file = support::OutputFile::create(folder / name);
        REQUIRE(file);
        CHECK(file->write_at(0, bytes_of("never seen")));
    }
    CHECK(folder.names() == Names{"f"});
    CHECK(read_file(folder / "f") == "old");
}

TEST_CASE("a commit replaces the old file, and who has it open keeps it") {
    const TemporaryFolder folder;
    write_file(folder / "f", "old");
    const auto old = support::MappedFile::open(folder / "f");
    CHECK(write_whole(folder / "f", "the new one") == "");
    CHECK(read_file(folder / "f") == "the new one");
    CHECK(std::to_integer<char>(old->bytes()[0]) == 'o');
    CHECK(folder.names() == Names{"f"});
}

TEST_CASE("a file that is moved or assigned over is cleaned up once") {
    const TemporaryFolder folder;
    auto first = support::OutputFile::create(folder / "first");
    auto second = support::OutputFile::create(folder / "second");
    REQUIRE(first);
    REQUIRE(second);
    *first = std::move(*second);
    CHECK(first->commit());
    CHECK(folder.names() == Names{"second"});
}

TEST_CASE("after the commit nothing can be written") {
    const TemporaryFolder folder;
    auto file = support::OutputFile::create(folder / "f");
    REQUIRE(file->commit());
    CHECK(!file->write_at(0, bytes_of("late")));
    CHECK(!file->commit());
    CHECK(read_file(folder / "f") == "");
}

TEST_CASE("permissions are those of any new file") {
    const TemporaryFolder folder;
    const mode_t before = umask(027);
    CHECK(write_whole(folder / "f", "x") == "");
    umask(before);
    struct stat status = {};
    REQUIRE(stat((folder / "f").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0640);
}

TEST_CASE("symbolic links stay, what they lead to is written") {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / "deep");
    write_file(folder / "deep/f", "old");
    std::filesystem::create_symlink("deep/f", folder / "link");
    std::filesystem::create_symlink("link", folder / "link to link");
    std::filesystem::create_symlink(folder / "deep/new", folder / "to nothing");
    CHECK(write_whole(folder / "link to link", "through two links") == "");
    CHECK(read_file(folder / "deep/f") == "through two links");
    CHECK(write_whole(folder / "to nothing", "created") == "");
    CHECK(read_file(folder / "deep/new") == "created");
    CHECK(folder.names() == Names{"deep", "link", "link to link", "to nothing"});
    CHECK(std::filesystem::is_symlink(folder / "link"));
    CHECK(std::filesystem::is_symlink(folder / "to nothing"));
}

TEST_CASE("links in a circle are refused") {
    const TemporaryFolder folder;
    std::filesystem::create_symlink("b", folder / "a");
    std::filesystem::create_symlink("a", folder / "b");
    CHECK(create_error(folder / "a") == "cannot write " + folder / "a" + ": Too many levels of symbolic links");
}

TEST_CASE("targets that cannot become a file are refused") {
    const TemporaryFolder folder;
    REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
    write_file(folder / "f", "x");
    CHECK(create_error(folder.path()) == "cannot write " + folder.path() + ": Is a directory");
    CHECK(create_error(folder / "fifo") == "cannot write " + folder / "fifo" + ": is not a regular file");
    CHECK(create_error("/dev/full") == "cannot write /dev/full: is not a regular file");
    CHECK(create_error("/dev/null") == "cannot write /dev/null: is not a regular file");
    CHECK(create_error(folder / "no/f") == "cannot write " + folder / "no/f" + ": No such file or directory");
    CHECK(create_error(folder / "new/") == "cannot write " + folder / "new/" + ": No such file or directory");
    CHECK(create_error(folder / "f/f") == "cannot write " + folder / "f/f" + ": Not a directory");
    CHECK(create_error(folder / "f/") == "cannot write " + folder / "f/" + ": Not a directory");
    CHECK(create_error("") == "cannot write : No such file or directory");
    CHECK(folder.names() == Names{"f", "fifo"});
}

TEST_CASE("a folder that may not be written is refused") {
    const TemporaryFolder folder;
    REQUIRE(chmod(folder.path().c_str(), 0555) == 0);
    const std::string answer = in_child([&]() -> std::string {
        constexpr uid_t kNobody = 65534;  // root may write everywhere
        if (geteuid() == 0 && seteuid(kNobody) != 0) return "cannot become another user";
        return create_error(folder / "f");
    });
    CHECK(answer == "cannot write " + folder / "f" + ": Permission denied");
}

TEST_CASE("a target that becomes a folder meanwhile fails the commit and leaves nothing") {
    const TemporaryFolder folder;
    auto file = support::OutputFile::create(folder / "f");
    REQUIRE(file);
    std::filesystem::create_directory(folder / "f");
    CHECK(file->commit().error().message == "cannot write " + folder / "f" + ": Is a directory");
    file = Error{};
    CHECK(folder.names() == Names{"f"});
}

TEST_CASE("a file that the system cuts short is an error and leaves nothing") {
    const TemporaryFolder folder;
    write_file(folder / "f", "old");
    const std::string answer = in_child([&] {
        const rlimit limit = {1000, 1000};
        setrlimit(RLIMIT_FSIZE, &limit);
        std::signal(SIGXFSZ, SIG_IGN);
        return write_whole(folder / "f", std::string(1001, 'x'));  // a short write first
    });
    CHECK(answer == "cannot write " + folder / "f" + ": File too large");
    CHECK(read_file(folder / "f") == "old");
    CHECK(folder.names() == Names{"f"});
}

TEST_CASE("the folder is the one of the moment of creation") {
    const TemporaryFolder folder;
    const std::string answer = in_child([&]() -> std::string {
        if (chdir(folder.path().c_str()) != 0) return "cannot change to the folder";
        auto file = support::OutputFile::create("f");
        if (!file || chdir("/") != 0) return "cannot create";
        const Status committed = file->commit();
        return committed ? "committed" : committed.error().message;
    });
    CHECK(answer == "committed");
    CHECK(folder.names() == Names{"f"});
}

/// Lets this process open no unnamed file any more, as on a file system that has none. False where that cannot be.
bool forbid_unnamed_files() {
    constexpr std::uint32_t kUnnamed = O_TMPFILE & ~O_DIRECTORY;  // the one bit that only O_TMPFILE has
    constexpr auto kFlags = static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 2 * sizeof(std::uint64_t));
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kFlags),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kUnnamed, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program = {sizeof code / sizeof *code, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_CASE("a file system without unnamed files") {
    const TemporaryFolder folder;
    const std::string answer = in_child([&]() -> std::string {
        if (!forbid_unnamed_files()) return "skipped";
        umask(022);
        auto abandoned = support::OutputFile::create(folder / "abandoned");
        auto kept = support::OutputFile::create(folder / "kept");
        if (!abandoned || !kept) return abandoned ? kept.error().message : abandoned.error().message;
        if (folder.names().size() != 2) return "the files have no names";
        if (!kept->write_at(0, bytes_of("kept")) || read_file(kept->readable_path()) != "kept") return "cannot read";
        return kept->commit() ? "committed" : "not committed";
    });
    if (answer == "skipped") {
        MESSAGE("skipped: this system does not let a process forbid itself unnamed files");
        return;
    }
    CHECK(answer == "committed");
    CHECK(folder.names() == Names{"kept"});
    CHECK(read_file(folder / "kept") == "kept");
    struct stat status = {};
    REQUIRE(stat((folder / "kept").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0644);
}

}  // namespace
}  // namespace rowpool::test
