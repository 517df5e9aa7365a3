// Makes copies of rows: reserves addresses, maps memory or the file there, sets the NUMA placement, copies, and
// write-protects the copies.
#include "memory/row_copy.hpp"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

#include "memory/pages.hpp"
#include "support/parallel.hpp"

namespace rowpool::memory {
namespace {

Error no_memory(std::size_t bytes) {
    return {ErrorCode::out_of_memory, "there is no memory for a copy of " + std::to_string(bytes) + " bytes"};
}

Error refused(const std::string& what, int error_number) {
    return {ErrorCode::io_error, what + ": " + std::system_category().message(error_number)};
}

}  // namespace

// Reserves addresses only, because most of them may become mappings of the file.
Status RowCopy::reserve(std::size_t bytes) {
    void* begin = ::mmap(nullptr, bytes + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) return no_memory(bytes);
    const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(begin) % kHugePage) % kHugePage;
    memory_ = {static_cast<std::byte*>(begin) + before, bytes};
    if (before != 0) ::munmap(begin, before);
    ::munmap(memory_.data() + bytes, kHugePage - before);
    return {};
}

Status RowCopy::allocate(std::span<const Extent> own) {
    for (std::size_t copy = 0; copy < memory_.size(); copy += copy_bytes()) {
        for (const auto& [begin, size] : own) {
            std::byte* const pages = memory_.data() + copy + begin;
            if (::mprotect(pages, size, PROT_READ | PROT_WRITE) != 0) return no_memory(size);
            ::madvise(pages, size, MADV_HUGEPAGE);  // if refused, the copy is in small pages
            ::madvise(pages, size, MADV_DONTDUMP);  // core dumps leave out mapped files, too
        }
    }
    return {};
}

Status RowCopy::map(std::span<const Piece> mapped) {
    for (std::size_t copy = 0; copy < memory_.size(); copy += copy_bytes()) {
        for (const auto& [from, to] : mapped) {
            const int error = map_again(from, memory_.data() + copy + to);
            if (error == ENOMEM) return no_memory(from.size());
            if (error != 0) return refused("mapping the other rows", error);
        }
    }
    return {};
}

// Placement applies to private memory only: mapped pages are where the page cache has them.
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

Status RowCopy::fill(std::span<const Piece> pieces) {
    std::atomic<int> error = 0;
    support::parallel_for(pieces.size(), [&](std::size_t i) {
        if (error != 0) return;
        const Piece& piece = pieces[i];
        // Populates each piece before copying it: with page faults during the copy, a cold file takes five times as
        // long.
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

void RowCopy::protect(std::span<const Extent> own) noexcept {
    for (std::size_t copy = 0; copy < memory_.size(); copy += copy_bytes()) {
        for (const auto& [begin, size] : own) ::mprotect(memory_.data() + copy + begin, size, PROT_READ);
    }
}

Result<std::shared_ptr<const RowCopy>> RowCopy::make(const CopyPlan& plan, Residency residency, const Numa& numa) {
    const bool spread = residency == Residency::interleaved || residency == Residency::replicated;
    const std::vector<unsigned> nodes = spread ? numa.nodes() : std::vector<unsigned>();
    const std::shared_ptr<RowCopy> copy(new RowCopy());
    copy->copies_ = residency == Residency::replicated ? nodes.size() : 1;
    // The product does not overflow: a mapping has fewer than 2^52 bytes, and there are at most 2^10 nodes.
    if (Status status = copy->reserve(copy->copies_ * plan.bytes); !status) return status.error();
    if (Status status = copy->allocate(plan.own); !status) return status.error();
    if (Status status = copy->map(plan.mapped); !status) return status.error();
    if (Status status = copy->place(residency, nodes, numa); !status) return status.error();
    if (Status status = copy->fill(plan.copied); !status) return status.error();
    copy->protect(plan.own);
    for (const std::size_t begin : plan.tables) copy->tables_.push_back(copy->memory_.data() + begin);
    if (copy->copies_ > 1) copy->replicas_.emplace(nodes, plan.bytes, numa.current_node);
    return std::shared_ptr<const RowCopy>(copy);
}

RowCopy::~RowCopy() {
    if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
}

}  // namespace rowpool::memory
