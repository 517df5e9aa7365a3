// Makes copies of rows: reserve, say where the pages go, copy, forbid writing.
#include "memory/row_copy.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

#include "core/parallel.hpp"
#include "memory/pages.hpp"

namespace rowpool {
namespace {

using Tables = std::span<const std::span<const std::byte>>;

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kRowAlignment = 64;  // as in table files
constexpr std::size_t kPieceBytes = std::size_t{8} << 20;

/// Bytes on their way into every copy.
struct Piece {
    std::span<const std::byte> from;
    std::size_t to;
};

std::size_t round_up(std::size_t value, std::size_t step) noexcept { return (value + step - 1) / step * step; }

/// Where each table begins in a copy, and after them where the copy ends. They fit: all of them fit a file.
std::vector<std::size_t> layout_of(Tables tables) {
    std::vector<std::size_t> begins = {0};
    for (const auto& table : tables) begins.push_back(round_up(begins.back() + table.size(), kRowAlignment));
    return begins;
}

std::vector<Piece> pieces_of(Tables tables, std::span<const std::size_t> begins) {
    std::vector<Piece> pieces;
    for (std::size_t i = 0; i < tables.size(); ++i) {
        for (std::size_t at = 0; at < tables[i].size(); at += kPieceBytes) {
            pieces.push_back({tables[i].subspan(at, std::min(kPieceBytes, tables[i].size() - at)), begins[i] + at});
        }
    }
    return pieces;
}

Error refused(const std::string& what, int error_number) {
    return {ErrorCode::io_error, what + ": " + std::system_category().message(error_number)};
}

}  // namespace

Status RowCopy::allocate(std::size_t bytes) {
    const std::size_t reserved = bytes + kHugePage;
    void* begin = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) {
        return Error{ErrorCode::out_of_memory, "there is no memory for a copy of " + std::to_string(bytes) + " bytes"};
    }
    const std::size_t before =
        round_up(reinterpret_cast<std::uintptr_t>(begin), kHugePage) - reinterpret_cast<std::uintptr_t>(begin);
    memory_ = {static_cast<std::byte*>(begin) + before, bytes};
    if (before != 0) ::munmap(begin, before);
    ::munmap(memory_.data() + bytes, kHugePage - before);
    ::madvise(memory_.data(), bytes, MADV_HUGEPAGE);  // without huge pages it is a copy in small ones
    ::madvise(memory_.data(), bytes, MADV_DONTDUMP);  // a core file leaves out mapped files, too
    return {};
}

Status RowCopy::place(Residency residency, std::span<const unsigned> nodes, const Numa& numa) {
    if (nodes.size() < 2) return {};
    if (residency == Residency::interleaved) {
        const int error = numa.place(memory_, Placement::interleaved, nodes);
        return error == 0 ? Status() : refused("placing a copy on all NUMA nodes", error);
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const auto pages = memory_.subspan(i * copy_bytes(), copy_bytes());
        const int error = numa.place(pages, Placement::preferred, nodes.subspan(i, 1));
        if (error != 0) return refused("placing a copy on NUMA node " + std::to_string(nodes[i]), error);
    }
    return {};
}

Status RowCopy::fill(Tables tables) {
    const std::vector<Piece> pieces = pieces_of(tables, layout_of(tables));
    std::atomic<int> error = 0;
    parallel_for(pieces.size(), [&](std::size_t i) {
        if (error != 0) return;
        const Piece& piece = pieces[i];
        // Read in one go: page by page, as they are copied, a cold file takes five times as long.
        if (const int failed = populate(piece.from); failed != 0) {
            error = failed;
            return;
        }
        for (std::size_t at = piece.to; at < memory_.size(); at += copy_bytes()) {
            std::memcpy(memory_.data() + at, piece.from.data(), piece.from.size());
        }
        forget(piece.from);
    });
    return error == 0 ? Status() : refused("reading the rows", error);
}

Result<std::shared_ptr<const RowCopy>> RowCopy::make(Tables tables, Residency residency, const Numa& numa) {
    const bool spread = residency == Residency::interleaved || residency == Residency::replicated;
    const std::vector<unsigned> nodes = spread ? numa.nodes() : std::vector<unsigned>();
    const std::shared_ptr<RowCopy> copy(new RowCopy());
    copy->copies_ = residency == Residency::replicated ? nodes.size() : 1;
    const std::vector<std::size_t> begins = layout_of(tables);
    // The product fits: what is mapped has fewer than 2^52 bytes, and there are at most 2^10 nodes.
    const std::size_t copy_bytes = round_up(std::max<std::size_t>(begins.back(), 1), kHugePage);
    if (Status status = copy->allocate(copy->copies_ * copy_bytes); !status) return status.error();
    if (Status status = copy->place(residency, nodes, numa); !status) return status.error();
    if (Status status = copy->fill(tables); !status) return status.error();
    ::mprotect(copy->memory_.data(), copy->memory_.size(), PROT_READ);
    for (std::size_t i = 0; i < tables.size(); ++i) copy->tables_.push_back(copy->memory_.data() + begins[i]);
    if (copy->copies_ > 1) copy->replicas_.emplace(nodes, copy_bytes, numa.current_node);
    return std::shared_ptr<const RowCopy>(copy);
}

RowCopy::~RowCopy() {
    if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
}

}  // namespace rowpool
