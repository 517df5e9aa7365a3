// A file descriptor that closes itself, system calls that signals interrupt, and the system's reason for an error.
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

/// Makes a system call that gives -1 and errno, again as long as a signal interrupts it.
template <class Call>
auto uninterrupted(const Call& call) -> decltype(call()) {
    auto result = call();
    while (result == -1 && errno == EINTR) result = call();
    return result;
}

/// "cannot VERB PATH: REASON", with the system's words for errno.
inline Error io_error(const char* verb, const std::string& path, int error_number = errno) {
    return {ErrorCode::io_error,
            std::string("cannot ") + verb + ' ' + path + ": " + std::system_category().message(error_number)};
}

}  // namespace rowpool::support
