// Maps files for reading.
#include <sys/mman.h>
#include <sys/stat.h>

#include <utility>

#include "support/boundary.hpp"
#include "support/descriptor.hpp"
#include "support/mapped_file.hpp"

namespace rowpool::support {

struct MappedFile::Mapping {
    explicit Mapping(std::string p) : path(std::move(p)) {}
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() {
        if (address != nullptr) ::munmap(address, size);
    }

    std::string path;
    void* address = nullptr;  // null for an empty file: a mapping cannot be empty
    std::size_t size = 0;
};

Result<MappedFile> MappedFile::open(const std::string& path, const std::string& name) {
    return without_exceptions([&]() -> Result<MappedFile> {
        // O_NONBLOCK: opening a FIFO must not block until it has a writer.
        constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
        const Descriptor file(uninterrupted([&] { return ::open(path.c_str(), kFlags); }));
        struct stat status = {};
        if (!file || ::fstat(file.get(), &status) != 0) return io_error("open", path);
        if (!S_ISREG(status.st_mode)) {
            return Error{ErrorCode::unsupported, "cannot open " + path + ": is not a regular file"};
        }
        auto mapping = std::make_shared<Mapping>(name);
        if (status.st_size == 0) return MappedFile(std::move(mapping));
        const auto size = static_cast<std::size_t>(status.st_size);
        // The kernel's own read-ahead is left alone: it suits what fits memory and what reads in order.
        void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
        if (address == MAP_FAILED) return io_error("map", path);
        mapping->address = address;
        mapping->size = size;
        return MappedFile(std::move(mapping));
    });
}

std::span<const std::byte> MappedFile::bytes() const noexcept {
    return {static_cast<const std::byte*>(mapping_->address), mapping_->size};
}

const std::string& MappedFile::path() const noexcept { return mapping_->path; }

}  // namespace rowpool::support
