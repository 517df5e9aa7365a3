// Asks for pages, and forgets which it has asked for.
#include "memory/cold_rows.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>

namespace rowpool::memory {

ColdRows::ColdRows(Bytes mapping, std::span<const Bytes> kept, const Paging& paging)
    : mapping_(mapping),
      paging_(paging),
      page_shift_(static_cast<unsigned>(std::countr_zero(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))))),
      words_((mapping.size() >> page_shift_) / kWordBits + 1),
      asked_(std::make_unique<Word[]>(words_)),
      // The kernel reclaims pages that were read once and long ago first, but how many it keeps depends on what else is
      // in memory. A page that has gone all the same is read when it is touched.
      most_noted_(std::max<std::size_t>(paging.usable_memory() / 8 >> page_shift_, 1)) {
    if (kept.empty()) return;
    kept_.resize(words_);
    for (const Bytes& bytes : kept) keep(bytes);
    forget();
}

/// Sets the bits of pages that are in memory for good.
void ColdRows::keep(Bytes bytes) {
    if (bytes.empty()) return;
    const std::size_t last = page_of(bytes.data() + bytes.size() - 1);
    for (std::size_t page = page_of(bytes.data()); page <= last; ++page) {
        kept_[page / kWordBits] |= std::uint64_t{1} << page % kWordBits;
    }
}

/// Another thread may ask for a page twice meanwhile, or leave one out that is not asked for before the next time;
/// never for one that is kept.
void ColdRows::forget() const noexcept {
    noted_.store(0, std::memory_order_relaxed);
    for (std::size_t i = 0; i < words_; ++i) {
        asked_[i].store(kept_.empty() ? 0 : kept_[i], std::memory_order_relaxed);
    }
}

void ColdRows::Fetch::add_page(std::size_t page) noexcept {
    if (page != end_) {
        ask();
        begin_ = page;
    }
    end_ = page + 1;
}

void ColdRows::Fetch::ask() noexcept {
    if (begin_ == end_) return;
    const std::size_t at = begin_ << rows_.page_shift_;
    const std::size_t end = std::min(end_ << rows_.page_shift_, rows_.mapping_.size());
    rows_.paging_.begin_reading(rows_.mapping_.subspan(at, end - at));
    begin_ = end_;
}

}  // namespace rowpool::memory
