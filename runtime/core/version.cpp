// The library's version, from the build.
#include "rowpool/rowpool.hpp"

namespace rowpool {

const char* version() noexcept { return ROWPOOL_VERSION; }

}  // namespace rowpool
