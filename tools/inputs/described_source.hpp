// A table under another description.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "tools/inputs/source.hpp"

namespace rowpool::tools {

/// A source that differs from another in its description only; that one must outlive it.
class DescribedSource : public Source {
public:
    DescribedSource(const Source& source, NewTable description)
        : Source(source.file(), std::move(description)), source_(source) {}

    std::optional<ErrorMetrics> error() const override { return source_.error(); }
    std::size_t row_number(std::size_t row) const override { return source_.row_number(row); }
    std::string file_of_row(std::size_t row) const override { return source_.file_of_row(row); }
    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        return source_.read(first, count, buffer);
    }

private:
    const Source& source_;
};

}  // namespace rowpool::tools
