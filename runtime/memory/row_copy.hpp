// Copies of a file's rows in private memory: in huge pages, and on the chosen NUMA nodes.
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

/// A read-only copy of the rows of several tables, or one copy per node. Freed with the object.
class RowCopy {
public:
    /// Makes the planned copy, on all cores. `residency` is huge_pages, interleaved or replicated; with one node the
    /// last two are like the first.
    /// Errors: out_of_memory; io_error when the file cannot be read or mapped again or the pages cannot be placed on
    /// their nodes. The caller adds the name of the file to the messages.
    static Result<std::shared_ptr<const RowCopy>> make(const CopyPlan& plan, Residency residency, const Numa& numa);

    RowCopy(const RowCopy&) = delete;
    RowCopy& operator=(const RowCopy&) = delete;
    ~RowCopy();

    /// First byte of each table in the first copy.
    const std::vector<const std::byte*>& tables() const noexcept { return tables_; }
    /// How many there are: one a node, or one.
    std::size_t copies() const noexcept { return copies_; }
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

    std::span<std::byte> memory_;  // whole huge pages, the same number per copy
    std::size_t copies_ = 1;
    std::vector<const std::byte*> tables_;
    std::optional<Replicas> replicas_;
};

}  // namespace rowpool::memory
