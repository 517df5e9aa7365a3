// The numbers along an axis of a chart.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace rowpool::tools {

/// A scale from one end of an axis to the other, linear or logarithmic.
struct Scale {
    double low = 0;  ///< finite and below `high`; above 0 when logarithmic
    double high = 1;
    bool log = false;

    /// Where a value is, from 0 at `low` to 1 at `high`; what is beyond the ends is at them.
    double place(double value) const;
};

/// A scale from 0 to a round number at or above `high`, which is above 0.
Scale scale_from_zero(double high);

/// A logarithmic scale between round numbers that holds both, which are above 0.
Scale log_scale(double low, double high);

/// A mark of an axis, and its number or nothing.
struct Tick {
    double value;
    std::string label;
};

/// Marks at the round numbers within a scale, which are 1, 2 and 5 times a power of ten. On a linear scale multiples of
/// one of them, at most `most` + 1. On a logarithmic one all of them where they fit, else powers of ten, at most
/// `most` + 1 of them with a label.
std::vector<Tick> ticks_of(const Scale& scale, std::size_t most);

}  // namespace rowpool::tools
