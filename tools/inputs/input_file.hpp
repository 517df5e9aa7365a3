// Input files, as they are or compressed by gzip.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "support/mapped_file.hpp"
#include "tools/base/temporary_file.hpp"

namespace rowpool::tools {

/// A file that is read: what lies in it, or what gzip compressed into it, in a temporary file. Its path is that of the
/// command line either way.
struct InputFile {
    support::MappedFile file;
    std::shared_ptr<const TemporaryFile> inflated = {};  ///< null where the file is read as it is

    /// What the same bytes can be opened by, as long as this object lives.
    std::string readable_path() const { return inflated ? inflated->readable_path() : file.path(); }
};

/// Takes what a compressed file holds as it comes, a piece at a time, and says whether that is enough of it.
using IsEnough = std::function<bool(std::span<const std::byte> piece)>;

/// Opens a file, and inflates it if gzip compressed it: into TMPDIR, or else /var/tmp, up to its end or to what is
/// enough. Fails with a line that names the file where there is no room, or it is damaged or compressed twice.
InputFile open_input(const std::string& path, const IsEnough& is_enough);
/// All that the file holds.
support::MappedFile open_input(const std::string& path);

}  // namespace rowpool::tools
