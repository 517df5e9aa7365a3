// Rows of a mapped file that does not fit memory: lookups ask for the pages of all their rows before they read the
// first, so that the disk reads many at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "memory/paging.hpp"

namespace rowpool::memory {

/// Asks for pages, and knows which it has asked for lately: those are in memory still, and asking again would cost more
/// than reading a row. Any number of threads may use one at once.
class ColdRows {
public:
    using Bytes = std::span<const std::byte>;

    /// `mapping` begins with a page. What is `kept`, parts of it, is in memory and stays there. Pages are asked for
    /// again after as many others as take an eighth of the memory.
    ColdRows(Bytes mapping, std::span<const Bytes> kept, const Paging& paging);

    /// The rows of a call that are asked for: pages beside each other in one go, the last ones when it goes.
    class Fetch {
    public:
        explicit Fetch(const ColdRows& rows) noexcept : rows_(rows) {}
        Fetch(const Fetch&) = delete;
        Fetch& operator=(const Fetch&) = delete;
        ~Fetch() { ask(); }

        /// A row of the mapping, or any other bytes of it.
        void add(Bytes row) noexcept {
            const std::size_t last = rows_.page_of(row.data() + row.size() - 1);
            for (std::size_t page = rows_.page_of(row.data()); page <= last; ++page) {
                if (rows_.note(page)) add_page(page);
            }
        }

    private:
        void add_page(std::size_t page) noexcept;
        void ask() noexcept;

        const ColdRows& rows_;
        std::size_t begin_ = 0;  // the pages to be asked for next
        std::size_t end_ = 0;
    };

private:
    using Word = std::atomic<std::uint64_t>;
    static constexpr std::size_t kWordBits = 64;

    std::size_t page_of(const std::byte* at) const noexcept {
        return static_cast<std::size_t>(at - mapping_.data()) >> page_shift_;
    }

    /// Notes that a page is asked for; whether it has to be.
    bool note(std::size_t page) const noexcept {
        Word& word = asked_[page / kWordBits];
        const std::uint64_t bit = std::uint64_t{1} << page % kWordBits;
        if ((word.load(std::memory_order_relaxed) & bit) != 0) return false;
        if ((word.fetch_or(bit, std::memory_order_relaxed) & bit) != 0) return false;  // another thread was first
        if (noted_.fetch_add(1, std::memory_order_relaxed) + 1 == most_noted_) forget();
        return true;
    }

    void keep(Bytes bytes);
    void forget() const noexcept;

    Bytes mapping_;
    const Paging& paging_;
    unsigned page_shift_;
    std::size_t words_;
    std::unique_ptr<Word[]> asked_;    // a bit a page
    std::vector<std::uint64_t> kept_;  // those that are always set; empty when nothing is kept
    std::size_t most_noted_;
    alignas(64) mutable std::atomic<std::size_t> noted_ = 0;  // written often, beside what every lookup reads
};

}  // namespace rowpool::memory
