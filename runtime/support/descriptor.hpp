// A file descriptor that closes itself, retries of interrupted system calls, and messages with the text of errno.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "rowpool/status.hpp"

namespace rowpool::support {

/// Owns one file descriptor, or none (below 0).
class Descriptor {
public:
    Descriptor() noexcept = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }

    explicit operator bool() const noexcept { return fd_ >= 0; }
    int get() const noexcept { return fd_; }

private:
    int fd_ = -1;
};

/// Makes a system call that returns -1 and sets errno, and repeats it while it fails with EINTR.
template <class Call>
auto uninterrupted(const Call& call) -> decltype(call()) {
    auto result = call();
    while (result == -1 && errno == EINTR) result = call();
    return result;
}

/// "cannot VERB PATH: REASON", with the text of errno.
inline Error io_error(const char* verb, const std::string& path, int error_number = errno) {
    return {ErrorCode::io_error,
            std::string("cannot ") + verb + ' ' + path + ": " + std::system_category().message(error_number)};
}

}  // namespace rowpool::support
