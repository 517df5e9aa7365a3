// A table whose rows lie in the input file as they are read: without gaps and in a row format of rowpool's.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "tools/base/failure.hpp"
#include "tools/base/memory.hpp"
#include "tools/inputs/source.hpp"

namespace rowpool::tools {

class MappedSource : public Source {
public:
    /// `rows` has the exact size that the description's shape says.
    MappedSource(std::string file, NewTable description, SharedBytes rows, std::shared_ptr<const void> owner = {})
        : Source(std::move(file), std::move(description), std::move(owner)), rows_(std::move(rows)) {}

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& /*buffer*/) const override {
        const TableShape& shape = description().shape;
        const std::size_t row_size = row_bytes(shape.format, shape.dim);
        return value_of(Table::view(description().name, {shape.format, count, shape.dim, 0, {}},
                                    rows_.bytes.subspan(first * row_size, count * row_size)));
    }

private:
    SharedBytes rows_;
};

}  // namespace rowpool::tools
