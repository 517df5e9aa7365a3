// Which instruction set the kernels run on, and why.
#pragma once

#include <string_view>
#include <vector>

#include "rowpool/export.hpp"
#include "rowpool/status.hpp"

namespace rowpool {

/// Name of the instruction set that lookups use: "avx512", "avx2", "neon" or "generic". The best one that was compiled
/// in and that this CPU and its operating system support; the environment variable ROWPOOL_ISA names another. Read
/// once, at the first call.
///
/// Error: unsupported_isa when ROWPOOL_ISA names an unknown one or one that cannot run here; every lookup and
/// TableFile::open then fails with the same message.
ROWPOOL_API Result<std::string_view> active_isa();

/// The instruction sets that were compiled in, and those of them that can run here; best first.
ROWPOOL_API std::vector<std::string_view> compiled_isas();
ROWPOOL_API std::vector<std::string_view> runnable_isas();

}  // namespace rowpool
