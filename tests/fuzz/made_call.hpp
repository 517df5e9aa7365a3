// A call of pool() that the bytes of an input make up, right or wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "rowpool/pool.hpp"
#include "tests/fuzz/choices.hpp"
#include "tests/support/generators.hpp"
#include "tests/support/kernel_call.hpp"

namespace rowpool::fuzz {

struct MadeCall {
    explicit MadeCall(Choices& choices);

    /// What pool() is given. It points into this.
    Bags bags() const;
    PoolOptions options() const;

    /// Where bags end, after a 0; nothing when that is not what the bounds say.
    std::optional<std::vector<std::size_t>> offsets() const;
    /// Whether nothing is wrong with it.
    bool is_right() const;
    /// Elements of the output that the bags take.
    std::size_t out_end() const { return num_bags == 0 ? 0 : (num_bags - 1) * out_stride + out_column + made.dim; }

    test::MadeTable made;
    std::size_t ids = 0;
    test::CallForm form;
    OnBadIndex on_bad_index = OnBadIndex::fail;
    std::vector<std::int64_t> indices, bounds;  // both in both widths; narrow ones that fit
    std::vector<std::int32_t> narrow_indices, narrow_bounds;
    std::size_t num_bags = 0;
    std::size_t length = 0;  // of fixed bags
    std::vector<float> weights;
    std::size_t out_column = 0, out_stride = 0, out_size = 0;

private:
    void make_bags(Choices& choices);
    void make_form(Choices& choices);
    void make_output(Choices& choices);
};

}  // namespace rowpool::fuzz
