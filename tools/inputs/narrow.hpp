// Doubles as f32.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>

#include "tools/base/failure.hpp"

namespace rowpool::tools {

/// The double rounded to nearest. Fails, naming its place, when a finite one does not fit.
inline float narrowed(double wide, const std::string& file, std::size_t row, std::size_t column) {
    const auto value = static_cast<float>(wide);
    if (std::isinf(value) && !std::isinf(wide)) {
        fail(file, ": row ", row, ", column ", column, ": ", wide, " does not fit f32");
    }
    return value;
}

}  // namespace rowpool::tools
