// What is read: a table of any input format behind one interface.
#include "tools/inputs/source.hpp"

#include <filesystem>

#include "rowpool/types.hpp"
#include "tools/base/failure.hpp"

namespace rowpool::tools {

std::size_t num_ids(const NewTable& table) { return table.remap.empty() ? table.shape.rows : table.remap.size(); }

std::string table_name_of(const std::string& path) { return std::filesystem::path(path).stem().string(); }

std::string file_name_of(const std::string& path) { return std::filesystem::path(path).filename().string(); }

void check_dim(const std::string& path, std::size_t dim) {
    if (dim == 0 || dim > kMaxDim) fail(path, ": rows of ", dim, " values; a table has 1 to ", kMaxDim, " columns");
}

}  // namespace rowpool::tools
