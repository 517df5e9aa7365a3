// The boundary of the public API: exceptions of the standard library become Errors.
#pragma once

#include <exception>
#include <new>
#include <stdexcept>

#include "rowpool/status.hpp"

namespace rowpool::support {

/// Runs `body`, which returns a Status or a Result. Running out of memory becomes out_of_memory, other exceptions
/// io_error.
template <class Body>
auto without_exceptions(const Body& body) noexcept -> decltype(body()) {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return Error{ErrorCode::out_of_memory, "out of memory"};
    } catch (const std::length_error&) {  // a string or vector longer than its maximum size
        return Error{ErrorCode::out_of_memory, "out of memory"};
    } catch (const std::exception& refusal) {  // the system has no thread, no random number, ...
        return Error{ErrorCode::io_error, refusal.what()};
    }
}

}  // namespace rowpool::support
