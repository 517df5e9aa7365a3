// Rows narrower than a vector.
#pragma once

#include <cstddef>
#include <cstring>

#include "kernels/kernel_table.hpp"
#include "kernels/pooling/codecs.hpp"

namespace rowpool::kernels {
namespace {

/// Gives the address of each row for loads that may read past the end of the row. For the last rows of a table such a
/// load could read past the end of the table, so those rows are read from a padded copy.
template <class C, bool kMayReadPast = !C::has_exact_parts>
class NarrowRows {
public:
    explicit NarrowRows(const Rows& rows) noexcept {
        if (rows.dim < Arch::width && rows.count != 0) copy_last_rows(rows);
    }

    [[gnu::always_inline]] const std::byte* place(const Rows& rows, std::size_t row) const noexcept {
        return row < first_copied_ ? rows.data + row * rows.stride : copy_ + (row - first_copied_) * rows.stride;
    }

private:
    /// Maximum number of bytes that are loaded from the beginning of a row: scale, bias and one vector.
    static constexpr std::size_t kMostLoaded = C::qparams_bytes + Arch::width * sizeof(float);

    [[gnu::noinline]] void copy_last_rows(const Rows& rows) noexcept {
        const std::size_t loaded = rows.codes_at + C::bytes_of(Arch::width);
        first_copied_ = rows.count - 1;
        for (std::size_t bytes = rows.bytes + rows.stride; bytes < loaded && first_copied_ > 0; bytes += rows.stride) {
            --first_copied_;
        }
        const std::size_t last = (rows.count - 1 - first_copied_) * rows.stride;
        std::memset(copy_, 0, sizeof copy_);
        std::memcpy(copy_, rows.data + first_copied_ * rows.stride, last + rows.bytes);
    }

    std::size_t first_copied_ = ~std::size_t{0};
    std::byte copy_[2 * kMostLoaded];
};

/// Loads of exact parts need no copy.
template <class C>
class NarrowRows<C, false> {
public:
    explicit NarrowRows(const Rows&) noexcept {}

    [[gnu::always_inline]] const std::byte* place(const Rows& rows, std::size_t row) const noexcept {
        return rows.data + row * rows.stride;
    }
};

}  // namespace
}  // namespace rowpool::kernels
