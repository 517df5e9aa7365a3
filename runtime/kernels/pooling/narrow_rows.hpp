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
        const std::size_t loaded = C::codes_at(rows) + C::bytes_of(Arch::width);
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

/// Whether loads of a row's part differ by its number of columns.
template <class C>
constexpr bool kHaveOwnLoads = !C::is_coded && Arch::least_exact_bits <= 32;

/// Calls f.operator()<kPart>() for rows that are narrower than a vector, where kPart is the smallest power of two that
/// is at least their columns, or the width of a vector if loads do not differ. To branch for every row takes as long as
/// all else, so that kernels are compiled for each kPart.
template <class C, std::size_t kPart = Arch::width, class Visit>
inline void visit_part(std::size_t columns, const Visit& f) noexcept {
    if constexpr (kHaveOwnLoads<C> && kPart > 1) {
        if (columns <= kPart / 2) return visit_part<C, kPart / 2>(columns, f);
    }
    f.template operator()<kPart>();
}

/// Tells the compiler what visit_part() knows.
template <class C, std::size_t kPart>
[[gnu::always_inline]] inline void assume_part(std::size_t columns) noexcept {
    if constexpr (kHaveOwnLoads<C>) {
        if (columns > kPart || columns <= kPart / 2) __builtin_unreachable();
    }
}

}  // namespace
}  // namespace rowpool::kernels
