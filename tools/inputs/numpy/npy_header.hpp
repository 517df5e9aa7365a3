// The header of a .npy file: a Python dict as text, read strictly and never evaluated.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rowpool::tools {

/// The three entries of the dict.
struct NpyHeader {
    std::string descr;
    bool fortran_order = false;
    std::vector<std::size_t> shape;
};

/// Reads a dict with exactly these three entries. Fails with `path` and the byte within the text.
NpyHeader parse_npy_header(const std::string& path, std::string_view text);

/// Everything before the elements of a version 1 file, padded to a multiple of 64 bytes.
std::string npy_preamble(std::string_view descr, std::span<const std::size_t> shape);

}  // namespace rowpool::tools
