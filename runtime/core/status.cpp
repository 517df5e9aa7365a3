// Names of error codes.
#include "rowpool/status.hpp"

namespace rowpool {

std::string_view to_string(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::ok:
            return "ok";
        case ErrorCode::invalid_argument:
            return "invalid_argument";
        case ErrorCode::index_out_of_range:
            return "index_out_of_range";
        case ErrorCode::not_found:
            return "not_found";
        case ErrorCode::corrupt_file:
            return "corrupt_file";
        case ErrorCode::unsupported:
            return "unsupported";
        case ErrorCode::unsupported_isa:
            return "unsupported_isa";
        case ErrorCode::io_error:
            return "io_error";
        case ErrorCode::out_of_memory:
            return "out_of_memory";
    }
    return "unknown";
}

}  // namespace rowpool
