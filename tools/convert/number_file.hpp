// Long lists of int32 numbers that need not fit the memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "support/mapped_file.hpp"
#include "support/output_file.hpp"

namespace rowpool::tools {

/// Numbers that are written front to back into a file that has no name and goes with the object, and then used where
/// they are mapped: they take none of the memory that belongs to the process alone.
class NumberFile {
public:
    /// The file is in the folder of `path`, which stays as it is.
    explicit NumberFile(const std::string& path);

    void append(std::int32_t number);
    /// All numbers, for as long as this object lives. Nothing can be appended afterwards.
    std::span<const std::int32_t> map();

private:
    void flush();

    support::OutputFile file_;
    std::vector<std::int32_t> waiting_;
    std::uint64_t written_ = 0;  ///< bytes
    std::optional<support::MappedFile> mapped_;
};

}  // namespace rowpool::tools
