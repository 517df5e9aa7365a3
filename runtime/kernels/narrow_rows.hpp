// Rows narrower than a vector.
#pragma once

#include <cstddef>
#include <cstring>

#include "kernels/codecs.hpp"
#include "kernels/kernel_table.hpp"

namespace rowpool::kernels {
namespace {

/// Where to read rows from that are loaded as a whole vector, together with what comes after them. That may be past the
/// end of the table, so its last rows are read from a copy, of which there can be several at a time.
template <class C, std::size_t kCopies>
class NarrowRows {
public:
    explicit NarrowRows(const Rows& rows) noexcept {
        if (rows.dim >= Arch::width) return;
        const std::size_t loaded = rows.codes_at + C::bytes_of(Arch::width);
        const std::size_t end = rows.count == 0 ? 0 : (rows.count - 1) * rows.stride + rows.bytes;
        first_unsafe_ = end < loaded ? 0 : (end - loaded) / rows.stride + 1;
    }

    [[gnu::always_inline]] const std::byte* place(const Rows& rows, std::size_t row, std::size_t copy) noexcept {
        const std::byte* const p = rows.data + row * rows.stride;
        return row < first_unsafe_ ? p : copied(p, rows.bytes, copies_[copy]);
    }

private:
    using Copy = std::byte[2 * Arch::width * sizeof(float)];

    [[gnu::noinline, gnu::cold]] static const std::byte* copied(const std::byte* row, std::size_t bytes,
                                                                Copy& copy) noexcept {
        std::memset(copy, 0, sizeof copy);
        std::memcpy(copy, row, bytes);
        return copy;
    }

    std::size_t first_unsafe_ = ~std::size_t{0};
    Copy copies_[kCopies];
};

}  // namespace
}  // namespace rowpool::kernels
