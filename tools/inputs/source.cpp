// What is read: a table of any input format behind one interface.
#include "tools/inputs/source.hpp"

#include <filesystem>
#include <string_view>

#include "rowpool/types.hpp"
#include "tools/base/failure.hpp"

namespace rowpool::tools {

std::string uncompressed_name(const std::string& path) {
    constexpr std::string_view kGzip = ".gz";
    return path.ends_with(kGzip) ? path.substr(0, path.size() - kGzip.size()) : path;
}

std::string table_name_of(const std::string& path) {
    return std::filesystem::path(uncompressed_name(path)).stem().string();
}

std::string file_name_of(const std::string& path) { return std::filesystem::path(path).filename().string(); }

void check_dim(const std::string& path, std::size_t dim) {
    if (dim == 0 || dim > kMaxDim) fail(path, ": rows of ", dim, " values; a table has 1 to ", kMaxDim, " columns");
}

}  // namespace rowpool::tools
