// The layout of a new table file, decided before the file is created.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "file/safetensors.hpp"
#include "file/table_metadata.hpp"
#include "rowpool/status.hpp"
#include "rowpool/table_file_writer.hpp"

namespace rowpool::file {

/// One table of a new file. Tensors are positions in FilePlan::tensors.
struct TablePlan {
    std::string name;
    std::size_t row_bytes = 0;
    std::size_t rows = 0;                             ///< the tensor of the table itself
    std::size_t checksums = 0;                        ///< the tensor of its checksums
    std::optional<std::size_t> names = std::nullopt;  ///< the tensor of its row names
    std::optional<std::size_t> remap = std::nullopt;  ///< the tensor of its remap
};

/// All tensors of a new file, including fillers, and its metadata except for the metrics, which are known only at the
/// end.
struct FilePlan {
    std::vector<Tensor> tensors;
    std::vector<TablePlan> tables;  ///< in the order in which their rows are written
    TableMetadata metadata;
    std::uint64_t data_begin = 0;  ///< first byte of the data section; the header fits before it
};

/// Lays out the file of these tables. Error: invalid_argument, see TableFileWriter::create().
Result<FilePlan> plan_file(std::vector<NewTable>& tables);

}  // namespace rowpool::file
