// A file mapped for reading.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "rowpool/status.hpp"

namespace rowpool::support {

/// A regular file mapped read-only and shared, so that all processes that open it share its memory. Cheap to copy;
/// unmapped when the last copy goes. The file must not shrink while it is mapped: a read past its new end raises
/// SIGBUS.
class MappedFile {
public:
    /// Maps the whole file; reads nothing. Errors: io_error (with the path and the text of errno), unsupported if it is
    /// not a regular file.
    static Result<MappedFile> open(const std::string& path) { return open(path, path); }
    /// The same for a file that has another name for people, which path() gives.
    static Result<MappedFile> open(const std::string& path, const std::string& name);

    std::span<const std::byte> bytes() const noexcept;
    const std::string& path() const noexcept;

private:
    struct Mapping;
    explicit MappedFile(std::shared_ptr<const Mapping> mapping) noexcept : mapping_(std::move(mapping)) {}

    std::shared_ptr<const Mapping> mapping_;
};

}  // namespace rowpool::support
