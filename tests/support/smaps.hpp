// What /proc/self/smaps says of the mapping that holds an address.
#pragma once

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

namespace rowpool::test {

/// The lines of its entry, the first with its addresses, permissions and file; empty where nothing is mapped or the
/// system has no such file.
inline std::string smaps_entry(const void* address) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    std::ifstream smaps("/proc/self/smaps");
    std::string entry;
    bool inside = false;
    for (std::string line; std::getline(smaps, line);) {
        std::uintptr_t begin = 0, end = 0;
        char dash = 0;
        // Lines with a field begin with its name, whose first letter may be a hexadecimal digit: "Anonymous:".
        if (std::istringstream(line) >> std::hex >> begin >> dash >> end && dash == '-') {
            inside = begin <= wanted && wanted < end;
        }
        if (inside) entry += line + "\n";
    }
    return entry;
}

/// The value of a field of it in KiB; -1 when it is not there.
inline long smaps_kib(const void* address, const std::string& field) {
    std::istringstream lines(smaps_entry(address));
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(field + ":")) return std::stol(line.substr(field.size() + 1));
    }
    return -1;
}

/// Whether its VmFlags have this one, for example "lo" for locked.
inline bool has_vm_flag(const void* address, const std::string& flag) {
    const std::string entry = smaps_entry(address);
    const std::size_t flags = entry.find("VmFlags: ");
    return flags != entry.npos && entry.find(" " + flag + " ", flags) != entry.npos;
}

}  // namespace rowpool::test
