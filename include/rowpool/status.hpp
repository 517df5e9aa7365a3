// Errors as values: what every rowpool function that can fail returns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "rowpool/export.hpp"

namespace rowpool {

/// What kind of thing went wrong. The message of an Error says what and where.
enum class ErrorCode : std::uint8_t {
    ok,
    invalid_argument,    ///< a shape, size or option that does not fit the call
    index_out_of_range,  ///< an index below 0 or at or past the number of rows
    not_found,           ///< no table of that name
    corrupt_file,        ///< a file that contradicts itself or its checksums
    unsupported,         ///< well-formed, but nothing that rowpool can read
    unsupported_isa,     ///< ROWPOOL_ISA names an instruction set that cannot run here
    io_error,            ///< the operating system reported an error; the message has its reason
    out_of_memory,
};

/// The code's name as written above, for example "corrupt_file".
ROWPOOL_API std::string_view to_string(ErrorCode code) noexcept;

/// One failure: a code to branch on and one line for people that names file, tensor, row or byte where they apply.
struct [[nodiscard]] Error {
    ErrorCode code = ErrorCode::ok;
    std::string message;
};

/// Success or an Error, for functions without a value.
class [[nodiscard]] Status {
public:
    Status() noexcept = default;
    Status(Error error) noexcept : error_(std::move(error)) {}

    explicit operator bool() const noexcept { return error_.code == ErrorCode::ok; }
    const Error& error() const noexcept { return error_; }
    ErrorCode code() const noexcept { return error_.code; }
    /// What went wrong in one line, or "ok"; PoolStatus has the same.
    std::string message() const { return *this ? "ok" : error_.message; }

private:
    Error error_;
};

/// A value or an Error, used like std::expected of C++23: test it, then take `*result` or `result.error()`. Taking the
/// value of a failed result, or the error of a successful one, is undefined: value() does not throw either.
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const noexcept { return state_.index() == 0; }
    T& operator*() & noexcept { return *std::get_if<0>(&state_); }
    const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
    T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    T* operator->() noexcept { return std::get_if<0>(&state_); }
    const T* operator->() const noexcept { return std::get_if<0>(&state_); }
    const Error& error() const noexcept { return *std::get_if<1>(&state_); }

    bool has_value() const noexcept { return bool(*this); }
    T& value() & noexcept { return **this; }
    const T& value() const& noexcept { return **this; }
    T&& value() && noexcept { return *std::move(*this); }
    template <class U>
    T value_or(U&& other) && {
        return *this ? *std::move(*this) : static_cast<T>(std::forward<U>(other));
    }
    ErrorCode code() const noexcept { return *this ? ErrorCode::ok : error().code; }
    /// What went wrong in one line, or "ok".
    std::string message() const { return *this ? "ok" : error().message; }

private:
    std::variant<T, Error> state_;
};

}  // namespace rowpool
