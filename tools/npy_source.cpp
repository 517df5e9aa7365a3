// Tables from .npy files: f16, f32 and f64 matrices in either byte order, in C or Fortran order.
#include <cstring>
#include <type_traits>

#include "failure.hpp"
#include "narrow.hpp"
#include "npy.hpp"
#include "source.hpp"
#include "text.hpp"

namespace rowpool::tools {

namespace {

template <class Word>
Word swapped(Word word) {
    if constexpr (sizeof(Word) == 2) return __builtin_bswap16(word);
    if constexpr (sizeof(Word) == 4) return __builtin_bswap32(word);
    if constexpr (sizeof(Word) == 8) return __builtin_bswap64(word);
}

class NpySource : public Source {
public:
    NpySource(NpyArray array, NewTable description)
        : Source(array.path, std::move(description)),
          array_(std::move(array)),
          rows_(array_.shape[0]),
          dim_(array_.shape[1]),
          item_(item_bytes(array_.type)) {}

    Table read(std::size_t first, std::size_t count, std::vector<std::byte>& buffer) const override {
        const bool as_is = !array_.big_endian && !array_.fortran_order && array_.type != NpyType::f64;
        if (as_is) return table(count, array_.data.subspan(first * dim_ * item_, count * dim_ * item_));
        buffer.resize(count * dim_ * (array_.type == NpyType::f64 ? sizeof(float) : item_));
        if (array_.type == NpyType::f16) gather<std::uint16_t>(first, count, buffer.data());
        if (array_.type == NpyType::f32) gather<std::uint32_t>(first, count, buffer.data());
        if (array_.type == NpyType::f64) gather<std::uint64_t>(first, count, buffer.data());
        return table(count, buffer);
    }

private:
    Table table(std::size_t count, std::span<const std::byte> bytes) const {
        return value_of(Table::view(description().name, {description().shape.format, count, dim_, 0, {}}, bytes));
    }

    /// Puts elements of any order into rows of native ones; f64 are narrowed to f32.
    template <class Word>
    void gather(std::size_t first, std::size_t count, std::byte* out) const {
        const std::size_t row_step = array_.fortran_order ? item_ : item_ * dim_;
        const std::size_t column_step = array_.fortran_order ? item_ * rows_ : item_;
        for (std::size_t row = first; row < first + count; ++row) {
            for (std::size_t column = 0; column < dim_; ++column) {
                Word word;
                std::memcpy(&word, array_.data.data() + row * row_step + column * column_step, sizeof word);
                if (array_.big_endian) word = swapped(word);
                out = put(word, row, column, out);
            }
        }
    }

    template <class Word>
    std::byte* put(Word word, std::size_t row, std::size_t column, std::byte* out) const {
        if constexpr (std::is_same_v<Word, std::uint64_t>) {
            double wide = 0;
            std::memcpy(&wide, &word, sizeof wide);
            const float value = narrowed(wide, file(), row, column);
            std::memcpy(out, &value, sizeof value);
            return out + sizeof value;
        } else {
            std::memcpy(out, &word, sizeof word);
            return out + sizeof word;
        }
    }

    NpyArray array_;
    std::size_t rows_;
    std::size_t dim_;
    std::size_t item_;
};

}  // namespace

Sources open_npy_source(MappedFile file) {
    NpyArray array = open_npy(std::move(file));
    if (array.type == NpyType::i32 || array.type == NpyType::i64) {
        fail(array.path, ": integers; a table is a matrix of float16, float32 or float64");
    }
    if (array.shape.size() != 2) {
        fail(array.path, ": shape ", shape_text(array.shape), " has ", array.shape.size(),
             " dimensions; a table has two, rows and columns");
    }
    check_dim(array.path, array.shape[1]);
    NewTable description;
    description.name = table_name_of(array.path);
    description.source = file_name_of(array.path);
    description.shape.format = array.type == NpyType::f16 ? RowFormat::f16 : RowFormat::f32;
    description.shape.rows = array.shape[0];
    description.shape.dim = array.shape[1];
    Sources sources;
    sources.push_back(std::make_unique<NpySource>(std::move(array), std::move(description)));
    return sources;
}

}  // namespace rowpool::tools
