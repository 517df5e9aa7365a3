// Races that the thread sanitizer must find: `pool` in a loop on our threads, `arena` in one of oneTBB's, whose own
// races are not to be told, `handed` in what such a loop is handed as engines hand it.
#include <oneapi/tbb/parallel_for.h>

#include <chrono>
#include <cstdio>
#include <string_view>
#include <thread>

#include "support/handover.hpp"
#include "support/thread_pool.hpp"

namespace {

constexpr std::size_t kTurns = 500;

int racing = 0;

}  // namespace

int main(int argc, char** argv) {
    const auto race = [](std::size_t) {
        ++racing;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));  // so that all threads get a turn
    };
    const std::string_view where = argc > 1 ? argv[1] : "";
    if (where == "pool") rowpool::support::ThreadPool(4).for_each(kTurns, race);
    if (where == "arena") tbb::parallel_for(std::size_t{0}, kTurns, race);
    if (where == "handed") {
        const rowpool::support::HandedOver handed(race);
        tbb::parallel_for(std::size_t{0}, kTurns, handed);
        handed.take_back();
    }
    std::printf("%d\n", racing);
}
