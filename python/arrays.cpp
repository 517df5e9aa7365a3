// What arrays of Python must be for the library to read or write them.
#include "python/arrays.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace rowpool::python {
namespace {

namespace nb = nanobind;
using Code = nb::dlpack::dtype_code;

bool is_type(nb::dlpack::dtype dtype, Code code, int bits) noexcept {
    return dtype.code == static_cast<std::uint8_t>(code) && dtype.bits == bits && dtype.lanes == 1;
}

[[noreturn]] void type_error(const std::string& message) { throw nb::type_error(message.c_str()); }
[[noreturn]] void value_error(const std::string& message) { throw nb::value_error(message.c_str()); }

std::string type_of(nb::handle object) { return nb::type_name(object.type()).c_str(); }

/// The library reads and writes these arrays as C++ does, which wants numbers where their type may be.
void check_aligned(const void* data, std::size_t itemsize, const char* argument) {
    if (reinterpret_cast<std::uintptr_t>(data) % itemsize == 0) return;
    value_error(std::string(argument) + ": not aligned to its elements of " + std::to_string(itemsize) + " bytes");
}

void check_vector(const Array& array, const char* argument) {
    if (array.ndim() != 1) {
        value_error(std::string(argument) + ": expected one dimension, got " + std::to_string(array.ndim()));
    }
    if (array.shape(0) > 1 && array.stride(0) != 1) value_error(std::string(argument) + ": not contiguous");
    check_aligned(array.data(), array.itemsize(), argument);
}

template <class T>
std::span<const T> values(const Array& array) {
    return {static_cast<const T*>(array.data()), array.shape(0)};
}

/// The element type of a buffer by its struct-module format; nothing for what the library does not take.
std::optional<nb::dlpack::dtype> dtype_of(const char* format) noexcept {
    if (format == nullptr || format[0] == 0 || format[1] != 0) return {};
    switch (format[0]) {
        case 'B':
            return nb::dtype<std::uint8_t>();
        case 'H':
            return nb::dtype<std::uint16_t>();
        case 'i':
            return nb::dtype<std::int32_t>();
        case 'l':
            return nb::dtype<long>();
        case 'q':
            return nb::dtype<long long>();
        case 'e':
            return nb::dlpack::dtype{static_cast<std::uint8_t>(Code::Float), 16, 1};
        case 'f':
            return nb::dtype<float>();
        default:
            return {};
    }
}

bool is_numpy_array(nb::handle object) {
    static const nb::handle type = nb::object(nb::module_::import_("numpy").attr("ndarray")).release();
    return object.type().is(type);
}

/// An array of NumPy, through its buffer: DLPack takes several times as long, which requests of a few lookups would
/// notice. The memory stays where it is when the buffer is given back, because the array does. Invalid for any other
/// object, and for elements that the library does not take.
template <class Result>
Result take_numpy(nb::handle object, int flags) {
    if (!is_numpy_array(object)) return {};
    Py_buffer buffer;
    if (PyObject_GetBuffer(object.ptr(), &buffer, PyBUF_STRIDES | PyBUF_FORMAT | flags) != 0) {
        PyErr_Clear();
        return {};
    }
    Result array;
    const std::optional<nb::dlpack::dtype> dtype = dtype_of(buffer.format);
    const auto ndim = static_cast<std::size_t>(buffer.ndim);
    if (dtype && (ndim == 1 || ndim == 2)) {
        std::array<std::size_t, 2> shape{};
        std::array<std::int64_t, 2> strides{};
        bool is_whole = true;
        for (std::size_t i = 0; i < ndim; ++i) {
            shape[i] = static_cast<std::size_t>(buffer.shape[i]);
            strides[i] = buffer.strides[i] / buffer.itemsize;
            is_whole = is_whole && buffer.strides[i] % buffer.itemsize == 0;
        }
        if (is_whole) array = Result(buffer.buf, ndim, shape.data(), object, strides.data(), *dtype);
    }
    PyBuffer_Release(&buffer);
    return array;
}

WritableArray take_output(nb::handle object) {
    WritableArray array = take_numpy<WritableArray>(object, PyBUF_WRITABLE);
    if (array.is_valid() || nb::try_cast(object, array, false)) return array;
    take_array(object, "out");
    type_error("out: read-only");
}

[[noreturn]] void wrong_shape(std::size_t rows, std::size_t columns, const std::string& got) {
    value_error("out: expected shape " + shape_text(std::array{rows, columns}) + ", got " + got);
}

/// Rows of elements one after the other, which do not overlap.
void check_output(const WritableArray& array, std::size_t rows, std::size_t columns) {
    if (array.ndim() != 2) wrong_shape(rows, columns, std::to_string(array.ndim()) + " dimensions");
    const std::array shape{array.shape(0), array.shape(1)};
    if (shape != std::array{rows, columns}) wrong_shape(rows, columns, shape_text(shape));
    if (array.size() != 0 && columns > 1 && array.stride(1) != 1) value_error("out: rows are not contiguous");
    if (array.size() != 0 && rows > 1 && array.stride(0) < static_cast<std::int64_t>(columns)) {
        value_error("out: rows overlap or run backwards");
    }
    check_aligned(array.data(), array.itemsize(), "out");
}

template <class T>
Output output_over(const WritableArray& array, std::size_t size, std::size_t stride) {
    return {std::span(static_cast<T*>(array.data()), size), stride};
}

Output output_of(const WritableArray& array, std::size_t size, std::size_t stride) {
    if (is_f32(array.dtype())) return output_over<float>(array, size, stride);
    if (is_f16(array.dtype())) return output_over<Float16>(array, size, stride);
    if (is_bf16(array.dtype())) return output_over<BFloat16>(array, size, stride);
    type_error("out: expected float32, float16, bfloat16 or uint16, got " + dtype_name(array.dtype()));
}

nb::object new_array(std::size_t rows, std::size_t columns) {
    return nb::module_::import_("numpy").attr("empty")(nb::make_tuple(rows, columns), "float32");
}

}  // namespace

Array take_array(nb::handle object, const char* argument) {
    Array array = take_numpy<Array>(object, 0);
    if (array.is_valid() || nb::try_cast(object, array, false)) return array;
    type_error(std::string(argument) +
               ": expected an array of native numbers in CPU memory (NumPy, torch, a buffer), got " + type_of(object));
}

std::string dtype_name(nb::dlpack::dtype dtype) {
    const std::string bits = std::to_string(dtype.bits);
    if (dtype.lanes != 1) return "a vector type";
    switch (static_cast<Code>(dtype.code)) {
        case Code::Int:
            return "int" + bits;
        case Code::UInt:
            return "uint" + bits;
        case Code::Float:
            return "float" + bits;
        case Code::Bfloat:
            return "bfloat" + bits;
        case Code::Complex:
            return "complex" + bits;
        case Code::Bool:
            return "bool";
        default:
            return "a type of " + bits + " bits";
    }
}

std::string shape_text(std::span<const std::size_t> shape) {
    std::string text = "[";
    for (const std::size_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
    return text + "]";
}

bool is_f32(nb::dlpack::dtype dtype) noexcept { return is_type(dtype, Code::Float, 32); }
bool is_f16(nb::dlpack::dtype dtype) noexcept { return is_type(dtype, Code::Float, 16); }
bool is_bf16(nb::dlpack::dtype dtype) noexcept {
    return is_type(dtype, Code::Bfloat, 16) || is_type(dtype, Code::UInt, 16);
}
bool is_u8(nb::dlpack::dtype dtype) noexcept { return is_type(dtype, Code::UInt, 8); }

IndexSpan index_values(const Array& array, const char* argument) {
    const bool wide = is_type(array.dtype(), Code::Int, 64);
    if (!wide && !is_type(array.dtype(), Code::Int, 32)) {
        type_error(std::string(argument) + ": expected int32 or int64, got " + dtype_name(array.dtype()));
    }
    check_vector(array, argument);
    return wide ? IndexSpan(values<std::int64_t>(array)) : IndexSpan(values<std::int32_t>(array));
}

std::span<const float> float_values(const Array& array, const char* argument) {
    if (!is_f32(array.dtype())) {
        type_error(std::string(argument) + ": expected float32, got " + dtype_name(array.dtype()));
    }
    check_vector(array, argument);
    return values<float>(array);
}

Destination destination(nb::handle out, std::size_t rows, std::size_t columns) {
    nb::object object = out.is_none() ? new_array(rows, columns) : nb::borrow(out);
    WritableArray array = take_output(object);
    check_output(array, rows, columns);
    const std::size_t stride = rows > 1 && columns > 0 ? static_cast<std::size_t>(array.stride(0)) : columns;
    const std::size_t size = rows == 0 ? 0 : (rows - 1) * stride + columns;
    const Output output = output_of(array, size, stride);
    const auto bytes = std::span(static_cast<const std::byte*>(array.data()), size * array.itemsize());
    return {std::move(object), std::move(array), output, bytes};
}

}  // namespace rowpool::python
