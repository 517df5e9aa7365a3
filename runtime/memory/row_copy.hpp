// Copies of a file's rows in memory of this process: in huge pages, and on the NUMA nodes that are wanted.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "memory/copy_plan.hpp"
#include "memory/numa.hpp"
#include "memory/replicas.hpp"
#include "rowpool/residency.hpp"
#include "rowpool/status.hpp"
#include "rowpool/types.hpp"

namespace rowpool::memory {

/// The rows of several tables, read-only; once, or once a node. Freed with the object.
class RowCopy {
public:
    /// Makes what is planned, copying on all cores. `residency` is huge_pages, interleaved or replicated; the last two
    /// are like the first when there is one node.
    /// Errors: out_of_memory; io_error when the file cannot be read or mapped again or the pages cannot be placed on
    /// their nodes. The messages do not name the file, that is the caller's part.
    static Result<std::shared_ptr<const RowCopy>> make(const CopyPlan& plan, Residency residency, const Numa& numa);

    RowCopy(const RowCopy&) = delete;
    RowCopy& operator=(const RowCopy&) = delete;
    ~RowCopy();

    /// First byte of each table in the first copy.
    const std::vector<const std::byte*>& tables() const noexcept { return tables_; }
    /// Where the other copies are; null when there is one.
    const Replicas* replicas() const noexcept { return replicas_ ? &*replicas_ : nullptr; }

private:
    RowCopy() noexcept = default;
    Status reserve(std::size_t bytes);
    Status allocate(std::span<const Extent> own);
    Status map(std::span<const Piece> mapped);
    Status place(Residency residency, std::span<const unsigned> nodes, const Numa& numa);
    Status fill(std::span<const Piece> pieces);
    void protect(std::span<const Extent> own) noexcept;
    std::size_t copy_bytes() const noexcept { return memory_.size() / copies_; }

    std::span<std::byte> memory_;  // whole huge pages, the same number for each copy
    std::size_t copies_ = 1;
    std::vector<const std::byte*> tables_;
    std::optional<Replicas> replicas_;
};

}  // namespace rowpool::memory
