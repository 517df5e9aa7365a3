// How cases run and fail; see suite.hpp.
#include "bench/cases/suite.hpp"

#include <atomic>
#include <exception>
#include <new>
#include <utility>

namespace rowpool::bench {
namespace {

std::atomic<bool> failed = false;

}  // namespace

benchmark::internal::Benchmark* add_case(const std::string& name, std::function<void(benchmark::State&)> run) {
    return benchmark::RegisterBenchmark(name.c_str(), [run = std::move(run)](benchmark::State& state) {
        try {
            run(state);
        } catch (const std::bad_alloc& missing) {
            state.SkipWithError((std::string("skipped: ") + missing.what()).c_str());
        } catch (const std::exception& error) {
            failed = true;
            state.SkipWithError(error.what());
        }
    });
}

std::string threads_name(std::size_t threads) {
    return "/threads:" + (threads == 0 ? std::string("all") : std::to_string(threads));
}

bool any_case_failed() noexcept { return failed; }

}  // namespace rowpool::bench
