// Which exception stands for which code.
#include "python/errors.hpp"

#include <nanobind/nanobind.h>

namespace rowpool::python {
namespace {

PyObject* exception_of(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::index_out_of_range:
            return PyExc_IndexError;
        case ErrorCode::not_found:
            return PyExc_KeyError;
        case ErrorCode::io_error:
            return PyExc_OSError;
        case ErrorCode::out_of_memory:
            return PyExc_MemoryError;
        case ErrorCode::unsupported_isa:
            return PyExc_RuntimeError;
        default:
            return PyExc_ValueError;
    }
}

}  // namespace

void raise(const Error& error) {
    PyErr_SetString(exception_of(error.code), error.message.c_str());
    throw nanobind::python_error();
}

}  // namespace rowpool::python
