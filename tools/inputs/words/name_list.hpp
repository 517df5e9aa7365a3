// Names of rows that need not fit the memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tools/base/temporary_file.hpp"

namespace rowpool::tools {

/// Names joined by newlines, as NewTable::row_names has them.
struct RowNames {
    std::shared_ptr<const void> owner;  ///< keeps the text where it is
    std::string_view text;
};

/// Collects the names of a source's rows. Few are held in memory; more of them go to a temporary file and are used
/// where that is mapped, so that they take none of the memory that belongs to the process alone.
class NameList {
public:
    /// The next row's name. Fails when there is no room for it, and when the command is interrupted.
    void append(std::string_view name);
    /// All names. Nothing can be appended afterwards.
    RowNames take();

private:
    void put(std::string_view text);
    void flush();

    std::string waiting_;
    std::unique_ptr<TemporaryFile> file_;
    bool is_first_ = true;
};

}  // namespace rowpool::tools
