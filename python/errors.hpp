// Errors of the library as exceptions of Python.
#pragma once

#include <utility>

#include "rowpool/pool.hpp"
#include "rowpool/status.hpp"

namespace rowpool::python {

/// Raises the exception for the code, with the message: IndexError for index_out_of_range, KeyError for not_found,
/// OSError for io_error, MemoryError, RuntimeError for unsupported_isa, ValueError for the rest.
[[noreturn]] void raise(const Error& error);

/// The value of a result, or the exception for its error.
template <class T>
T value_of(Result<T> result) {
    if (!result) raise(result.error());
    return *std::move(result);
}

/// Raises the exception for a fault of a pooling call.
inline void check(const PoolStatus& status) {
    if (!status) raise({status.code, status.message()});
}

}  // namespace rowpool::python
