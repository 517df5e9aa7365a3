// Norms of rows, and rows scaled down to the largest that is wanted.
#include "tools/convert/max_norm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "rowpool/quantize.hpp"
#include "support/norms.hpp"
#include "tools/base/failure.hpp"
#include "tools/base/rows.hpp"
#include "tools/base/text.hpp"

namespace rowpool::tools {

namespace {

class RenormedSource : public Source {
public:
    RenormedSource(const Source& source, NewTable description, const MaxNorm& most)
        : Source(source.file(), std::move(description)), source_(source), most_(most) {}

    std::size_t row_number(std::size_t row) const override { return source_.row_number(row); }
    std::string file_of_row(std::size_t row) const override { return source_.file_of_row(row); }

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        std::vector<std::byte> stored;
        const Table rows = source_.read(first, count, stored);
        const std::size_t dim = rows.dim();
        buffer.resize(count * dim * sizeof(float));
        const std::span<float> values(reinterpret_cast<float*>(buffer.data()), count * dim);
        check(dequantize_rows(rows, 0, values));
        for (std::size_t row = 0; row < count; ++row) {
            support::renorm(values.subspan(row * dim, dim), most_.norm, most_.p);
        }
        return value_of(Table::view(std::string(rows.name()), {RowFormat::f32, count, dim, 0, {}}, buffer));
    }

private:
    const Source& source_;
    MaxNorm most_;
};

}  // namespace

std::unique_ptr<Source> with_max_norm(const Source& source, const MaxNorm& most) {
    NewTable description = source.description();
    description.shape.format = RowFormat::f32;
    description.quantization.clear();
    description.source += " (max-norm " + short_number(most.norm) + ", p " + short_number(most.p) + ")";
    return std::make_unique<RenormedSource>(source, std::move(description), most);
}

}  // namespace rowpool::tools
