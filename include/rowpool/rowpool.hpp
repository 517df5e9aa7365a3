// Everything: embedding tables in files, lookups and pooling, quantization.
#pragma once

#include "rowpool/bags.hpp"
#include "rowpool/engine.hpp"
#include "rowpool/isa.hpp"
#include "rowpool/pool.hpp"
#include "rowpool/quantize.hpp"
#include "rowpool/residency.hpp"
#include "rowpool/status.hpp"
#include "rowpool/table.hpp"
#include "rowpool/table_file.hpp"
#include "rowpool/table_file_writer.hpp"
#include "rowpool/tuning.hpp"
#include "rowpool/types.hpp"

namespace rowpool {

/// The library's version, "major.minor.patch".
ROWPOOL_API const char* version() noexcept;

}  // namespace rowpool
