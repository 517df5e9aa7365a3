// Asks for pages, and forgets which it has asked for.
#include "memory/cold_rows.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace rowpool::memory {

ColdRows::ColdRows(Bytes mapping, std::vector<Bytes> kept, const Paging& paging)
    : mapping_(mapping),
      kept_(std::move(kept)),
      paging_(paging),
      page_shift_(static_cast<unsigned>(std::countr_zero(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))))),
      words_((mapping.size() >> page_shift_) / kWordBits + 1),
      asked_(std::make_unique<Word[]>(words_)),
      // The kernel takes back first what was read once and long ago, but how much of it it keeps depends on what else
      // is in memory. A page that has gone all the same is read when it is touched.
      most_noted_(std::max<std::size_t>(paging.usable_memory() / 8 >> page_shift_, 1)) {
    forget();
}

/// Another thread may ask for a page twice meanwhile, or leave one out that is not asked for before the next time.
void ColdRows::forget() const noexcept {
    noted_.store(0, std::memory_order_relaxed);
    std::for_each_n(asked_.get(), words_, [](Word& word) { word.store(0, std::memory_order_relaxed); });
    for (const Bytes& bytes : kept_) {
        if (bytes.empty()) continue;
        const std::size_t last = page_of(bytes.data() + bytes.size() - 1);
        for (std::size_t page = page_of(bytes.data()); page <= last; ++page) {
            asked_[page / kWordBits].fetch_or(std::uint64_t{1} << page % kWordBits, std::memory_order_relaxed);
        }
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
