// Any bytes as a .npy file.
#include "tests/fuzz/sources.hpp"
#include "tests/fuzz/target.hpp"
#include "tools/inputs/numpy/npy_source.hpp"

void rowpool::fuzz::run(std::span<const std::byte> bytes) { read_sources(bytes, tools::open_npy_source); }
