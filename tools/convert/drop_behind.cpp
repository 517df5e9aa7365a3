// Keeps an input that is large beside the memory of the machine from pushing all else out of it.
#include "tools/convert/drop_behind.hpp"

#include <sys/mman.h>
#include <unistd.h>

namespace rowpool::tools {

namespace {

// Less costs a call for every few rows, and cuts what the kernel reads ahead at once; more is cold in the caches when
// its memory is used for what is read next.
constexpr std::size_t kDropBytes = std::size_t{16} << 20;

/// Takes whole pages out of memory, the page of the first byte being one of them; returns how many bytes are done with.
/// The kernel reads them again if need be, from the file or from where it swapped them to; it leaves pages that other
/// processes have mapped, and those of files that this one could not write. No result depends on whether it does so.
std::size_t drop(std::span<const std::byte> bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t into_page = reinterpret_cast<std::uintptr_t>(bytes.data()) % page;
    const std::size_t size = (into_page + bytes.size()) / page * page;
    ::madvise(const_cast<std::byte*>(bytes.data() - into_page), size, MADV_PAGEOUT);
    return size - into_page;
}

}  // namespace

void DropBehind::passed(std::span<const std::byte> bytes) {
    if (!drops_ || bytes.empty()) return;
    const bool follows = bytes.data() == behind_.data() + behind_.size();
    if (!follows) drop(behind_);
    behind_ = follows ? std::span(behind_.data(), behind_.size() + bytes.size()) : bytes;
    if (behind_.size() >= kDropBytes) behind_ = behind_.subspan(drop(behind_));
}

}  // namespace rowpool::tools
