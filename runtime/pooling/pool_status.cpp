// Messages for pooling faults.
#include <string>

#include "rowpool/isa.hpp"
#include "rowpool/pool.hpp"
#include "support/text.hpp"

namespace rowpool {
namespace {

std::string bag_of(const PoolStatus& s) { return "bag " + std::to_string(s.bag) + ": "; }

std::string describe(const PoolStatus& s) {
    const std::string value = std::to_string(s.value);
    const std::string limit = std::to_string(s.limit);
    switch (s.fault) {
        case PoolFault::none:
            return "ok";
        case PoolFault::offsets_missing:
            return "offsets are empty; not even the closing one is there";
        case PoolFault::first_offset:
            return "offsets[0] is " + value + ", not 0";
        case PoolFault::falling_offset:
            return "offsets[" + std::to_string(s.bag) + "] is " + value + ", below " + limit + " before it";
        case PoolFault::offset_past_end:
            return "offsets[" + std::to_string(s.bag) + "] is " + value + ", past the " + limit + " indices";
        case PoolFault::last_offset:
            return "the last offset is " + value + ", but there are " + limit + " indices";
        case PoolFault::negative_length:
            return bag_of(s) + "length " + value + " is negative";
        case PoolFault::length_past_end:
            return bag_of(s) + "length " + value + " runs past the " + limit + " indices";
        case PoolFault::lengths_sum:
            return "lengths add up to " + value + ", but there are " + limit + " indices";
        case PoolFault::fixed_length:
            return std::to_string(s.bag) + " bags of " + value + " indices do not make " + limit + " indices";
        case PoolFault::no_bags:
            return limit + " indices, but no bag to hold them";
        case PoolFault::batch_shape:
            return value + " offsets are not " + limit + " features * batch + 1";
        case PoolFault::index:
            return bag_of(s) + "index " + value + " at position " + std::to_string(s.position) + " is not in [0, " +
                   limit + ")";
        case PoolFault::weights_size:
            return value + " weights for " + limit + " indices";
        case PoolFault::weights_with_mode:
            return "weights go with sum, mean and sqrtn only";
        case PoolFault::bags_with_none:
            return "mode none wants one index a bag";
        case PoolFault::padding_index:
            return "padding index " + value + " is outside its " + limit + " ids";
        case PoolFault::output_stride:
            return "output stride " + value + " is below the " + limit + " columns of a row";
        case PoolFault::output_size:
            return "output of " + value + " elements is too small for " + std::to_string(s.bag) + " rows of stride " +
                   limit;
        case PoolFault::isa:
            return active_isa().error().message;
        case PoolFault::skipped_size:
            return value + " counts of skipped indices for " + limit + " features";
    }
    return "unknown fault";
}

}  // namespace

std::string PoolStatus::message() const {
    return (feature ? "feature " + std::to_string(*feature) + ", " : "") +
           (table.empty() ? "" : "table " + support::printable(table) + ", ") + describe(*this);
}

}  // namespace rowpool
