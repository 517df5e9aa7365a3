// Lists of int32 numbers that may not fit in memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "support/mapped_file.hpp"
#include "support/output_file.hpp"

namespace rowpool::tools {

/// Numbers that are written front to back to an unnamed file, which vanishes with the object, and are then read from
/// its mapping: they take no private memory.
class NumberFile {
public:
    /// Creates the file in the folder of `path`; `path` itself is not touched.
    explicit NumberFile(const std::string& path);

    void append(std::int32_t number);
    /// All numbers; valid as long as this object lives. Nothing can be appended afterwards.
    std::span<const std::int32_t> map();

private:
    void flush();

    support::OutputFile file_;
    std::vector<std::int32_t> waiting_;
    std::uint64_t written_ = 0;  ///< bytes
    std::optional<support::MappedFile> mapped_;
};

}  // namespace rowpool::tools
