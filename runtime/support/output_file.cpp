// Writes files that appear complete or not at all.
#include <sys/stat.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <utility>

#include "support/boundary.hpp"
#include "support/descriptor.hpp"
#include "support/output_file.hpp"

namespace rowpool::support {
namespace fs = std::filesystem;
namespace {

constexpr int kMostLinks = 40;  // as many as the kernel follows

Error cannot_write(const std::string& path, int error_number = errno) { return io_error("write", path, error_number); }

// The target of a symbolic link, whether it exists or not, so that the link itself is not replaced.
Result<fs::path> follow_links(const std::string& given) {
    fs::path path = given;
    for (int links = 0; links < kMostLinks; ++links) {
        std::error_code no_link;
        const fs::path target = fs::read_symlink(path, no_link);
        if (no_link) return path;
        path = path.parent_path() / target;  // an absolute target replaces the path
    }
    return cannot_write(given, ELOOP);
}

// The target must be a regular file or not exist.
Status check_replaceable(const fs::path& target, const std::string& given) {
    struct stat status = {};
    if (::stat(target.c_str(), &status) != 0) {
        return target.has_filename() ? Status() : cannot_write(given);  // a bad folder is reported when it is opened
    }
    if (S_ISDIR(status.st_mode)) return cannot_write(given, EISDIR);
    if (!S_ISREG(status.st_mode)) {
        return Error{ErrorCode::io_error, "cannot write " + given + ": is not a regular file"};
    }
    return {};
}

// Short, so that it is valid wherever the final name is. O_EXCL refuses a second file of the same name.
std::string temporary_name() {
    std::uint64_t number = 0;
    if (::getentropy(&number, sizeof number) != 0) number = static_cast<std::uint64_t>(::getpid());
    std::array<char, 2 * sizeof number> digits{};
    char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    return ".rowpool-" + std::string(digits.data(), end);
}

bool sync(const Descriptor& file) {
    return uninterrupted([&] { return ::fsync(file.get()); }) == 0;
}

std::string descriptor_path(const Descriptor& file) { return "/proc/self/fd/" + std::to_string(file.get()); }

}  // namespace

struct OutputFile::State {
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (!temporary.empty()) ::unlinkat(folder.get(), temporary.c_str(), 0);
    }

    void open_unnamed();
    void open_named();
    Status link_unnamed();

    std::string path;       // as the caller gave it, for messages
    fs::path target;        // the file to write: `path` with its links followed
    Descriptor folder;      // of the target; names are relative to it, so that a change of the working directory does
                            // not matter
    Descriptor file;        // what is written to
    std::string temporary;  // its name in the folder; empty while it is unnamed
    std::string readable_path;
};

// An unnamed file (O_TMPFILE) vanishes with the process, however that ends. It is named by linking it through /proc.
void OutputFile::State::open_unnamed() {
    Descriptor unnamed(::openat(folder.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666));
    if (!unnamed || ::access(descriptor_path(unnamed).c_str(), F_OK) != 0) return;
    readable_path = descriptor_path(unnamed);
    file = std::move(unnamed);
}

// For file systems without unnamed files, and where /proc is missing. mkostemp would ignore the umask.
void OutputFile::State::open_named() {
    std::string name = temporary_name();
    file = Descriptor(::openat(folder.get(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666));
    if (!file) return;
    readable_path = (target.parent_path() / name).string();
    temporary = std::move(name);
}

Status OutputFile::State::link_unnamed() {
    std::string name = temporary_name();
    const int linked = ::linkat(AT_FDCWD, descriptor_path(file).c_str(), folder.get(), name.c_str(), AT_SYMLINK_FOLLOW);
    if (linked != 0) return cannot_write(path);
    temporary = std::move(name);
    return {};
}

Result<OutputFile> OutputFile::create(const std::string& path) {
    return without_exceptions([&]() -> Result<OutputFile> {
        const auto target = follow_links(path);
        if (!target) return target.error();
        if (const Status replaceable = check_replaceable(*target, path); !replaceable) return replaceable.error();
        auto state = std::make_unique<State>();
        state->path = path;
        state->target = *target;
        const fs::path folder = target->has_parent_path() ? target->parent_path() : fs::path(".");
        state->folder = Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!state->folder) return cannot_write(path);
        state->open_unnamed();
        if (!state->file) state->open_named();
        if (!state->file) return cannot_write(path);
        return OutputFile(std::move(state));
    });
}

OutputFile::OutputFile(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;
OutputFile::~OutputFile() = default;

Status OutputFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    return without_exceptions([&]() -> Status {
        while (!bytes.empty()) {
            const ssize_t written = uninterrupted(
                [&] { return ::pwrite(state_->file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
            if (written <= 0) return cannot_write(state_->path, written < 0 ? errno : EIO);
            bytes = bytes.subspan(static_cast<std::size_t>(written));
            offset += static_cast<std::uint64_t>(written);
        }
        return {};
    });
}

const std::string& OutputFile::readable_path() const noexcept { return state_->readable_path; }

Status OutputFile::commit() {
    return without_exceptions([&]() -> Status {
        State& state = *state_;
        if (!sync(state.file)) return cannot_write(state.path);
        if (state.temporary.empty()) {
            if (Status linked = state.link_unnamed(); !linked) return linked;
        }
        const std::string name = state.target.filename().string();
        if (::renameat(state.folder.get(), state.temporary.c_str(), state.folder.get(), name.c_str()) != 0) {
            return cannot_write(state.path);
        }
        state.temporary.clear();
        state.file = Descriptor();
        // Some file systems cannot sync a folder and say so with EINVAL.
        if (!sync(state.folder) && errno != EINVAL) return cannot_write(state.path);
        return {};
    });
}

}  // namespace rowpool::support
