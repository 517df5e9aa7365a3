// What every fuzz target is: a function of any bytes. It returns or it has found a fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tools/base/failure.hpp"

/// The name that libFuzzer calls; it runs the target.
// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace rowpool::fuzz {

/// The target; each source fuzz_*.cpp defines it. It may keep nothing from one call to the next.
void run(std::span<const std::byte> bytes);

/// Ends the process, so that the input is kept, when what must hold does not.
void require(bool holds, std::string_view what);

/// Reads each of the bytes, for the address sanitizer to look.
void touch(std::span<const std::byte> bytes);

/// Bytes as a file in memory, which path() opens in this process.
class MemoryFile {
public:
    explicit MemoryFile(std::span<const std::byte> bytes);
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile();

    const std::string& path() const { return path_; }

private:
    int descriptor_;
    std::string path_;
};

/// Requires that a refusal names the file that it is about.
void require_named(std::string_view message, const std::string& path);

/// Calls work(path) with the path of a file of these bytes, which it may refuse.
template <class Work>
void on_file(std::span<const std::byte> bytes, const Work& work) {
    const MemoryFile file(bytes);
    try {
        work(file.path());
    } catch (const tools::Failure& failure) {
        require_named(failure.what(), file.path());
    }
}

}  // namespace rowpool::fuzz
