// Scales and tick marks of a chart's axes.
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

    /// The position of a value, from 0 at `low` to 1 at `high`, clamped to the ends.
    double place(double value) const;
};

/// A scale from 0 to a round number at or above `high`, which is above 0.
Scale scale_from_zero(double high);

/// A logarithmic scale between round numbers that contains both values, which are above 0.
Scale log_scale(double low, double high);

/// A tick mark of an axis, and its label, which may be empty.
struct Tick {
    double value;
    std::string label;
};

/// Tick marks at round numbers within a scale: 1, 2 and 5 times a power of ten. On a linear scale, multiples of one
/// such number, at most `most` + 1. On a logarithmic scale, all of them where they fit, otherwise powers of ten, at
/// most `most` + 1 of them with a label.
std::vector<Tick> ticks_of(const Scale& scale, std::size_t most);

}  // namespace rowpool::tools
