// What the thread sanitizer cannot see of a library that is built without it: that it hands work from one thread to
// another.
#pragma once

#include <utility>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define ROWPOOL_UNSEEN __attribute__((no_sanitize("thread")))
#else
#define ROWPOOL_UNSEEN
#endif

namespace rowpool::support {

/// Says that what comes before give() on one thread comes before what follows take() on another. Who uses it knows that
/// the library sees to that. It is nothing at all but in a build with gcc's thread sanitizer.
class Handover {
public:
#ifdef __SANITIZE_THREAD__
    void give() const noexcept { __tsan_release(const_cast<Handover*>(this)); }
    void take() const noexcept { __tsan_acquire(const_cast<Handover*>(this)); }
#else
    void give() const noexcept {}
    void take() const noexcept {}
#endif
};

/// Work that such a library runs, on whatever threads and as often as it likes, before it comes back.
template <class Work>
class HandedOver {
public:
    explicit HandedOver(const Work& work) noexcept : work_(work) { begins_.give(); }

    /// Reads this object before it has taken it over: the sanitizer is not to look.
    template <class... Arguments>
    ROWPOOL_UNSEEN void operator()(Arguments&&... arguments) const {
        begins_.take();
        work_(std::forward<Arguments>(arguments)...);
        ends_.give();
    }

    /// To be called when the library has come back.
    void take_back() const noexcept { ends_.take(); }

private:
    const Work& work_;
    Handover begins_, ends_;
};

}  // namespace rowpool::support
