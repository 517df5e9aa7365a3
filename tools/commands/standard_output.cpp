// The end of what a command prints on standard output.
#include "tools/commands/standard_output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tools/base/failure.hpp"

namespace rowpool::tools {

void flush_output(const std::string& done) {
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
        fail(done, "cannot write to standard output: ", std::strerror(errno));
}

void flush_summary(const std::string& path) { flush_output("wrote " + path + ", but "); }

}  // namespace rowpool::tools
