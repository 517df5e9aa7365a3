// Arrays of Python as the spans that the library takes: NumPy arrays, torch tensors on the CPU, buffers. Nothing is
// copied. What does not fit is a TypeError or a ValueError of one line that begins with the argument's name.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <span>
#include <string>

#include "rowpool/bags.hpp"
#include "rowpool/pool.hpp"
#include "rowpool/types.hpp"

namespace rowpool::python {

/// An array in CPU memory that is only read, and one that is written. Both keep the Python object's memory alive.
using Array = nanobind::ndarray<nanobind::ro, nanobind::device::cpu>;
using WritableArray = nanobind::ndarray<nanobind::device::cpu>;

/// The array in `object`. TypeError when it is none, or not in CPU memory, or of another byte order.
Array take_array(nanobind::handle object, const char* argument);

/// For example "int32" or "bfloat16".
std::string dtype_name(nanobind::dlpack::dtype dtype);

/// "[3, 64]".
std::string shape_text(std::span<const std::size_t> shape);

/// Whether elements have that type. uint16 stands for bfloat16, which NumPy does not have.
bool is_f32(nanobind::dlpack::dtype dtype) noexcept;
bool is_f16(nanobind::dlpack::dtype dtype) noexcept;
bool is_bf16(nanobind::dlpack::dtype dtype) noexcept;
bool is_u8(nanobind::dlpack::dtype dtype) noexcept;

/// A one-dimensional array of int32 or int64 numbers one after the other.
IndexSpan index_values(const Array& array, const char* argument);

/// A one-dimensional array of float32 numbers one after the other.
std::span<const float> float_values(const Array& array, const char* argument);

/// Where the results of a call go, and the Python object to return.
struct Destination {
    nanobind::object object;
    WritableArray array;
    Output output;
    std::span<const std::byte> bytes;
};

/// The array that the caller gave for [rows, columns] of results, or, for None, a new NumPy array of float32.
/// Rows of the caller's array may be apart; its elements are float32, float16, bfloat16 or uint16.
Destination destination(nanobind::handle out, std::size_t rows, std::size_t columns);

}  // namespace rowpool::python
