// A table file to open with cold or warm pages, which is gone when the suite ends.
#pragma once

#include <cstddef>

#include "rowpool/table_file.hpp"

namespace rowpool::bench {

/// A table file in a temporary folder, without a name, so that none is left however the suite ends. Its one table has
/// the same rows over and over.
class NamelessFile {
public:
    /// Throws what writing it fails with.
    NamelessFile(RowFormat format, std::size_t dim, std::size_t table_bytes);
    NamelessFile(const NamelessFile&) = delete;
    NamelessFile& operator=(const NamelessFile&) = delete;
    ~NamelessFile();

    /// The table. Throws what opening fails with; TooLittleMemory when the system does not lock so much.
    Table open(const OpenOptions& options) const;
    /// Takes the file, which nobody may have open as a table, out of memory; whether it went.
    bool drop() const;

private:
    int file_ = -1;
};

}  // namespace rowpool::bench
