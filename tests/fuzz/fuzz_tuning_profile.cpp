// Any bytes as a tuning profile: what can be read can be written, and read again.
#include "rowpool/tuning.hpp"

#include <algorithm>

#include "tests/fuzz/target.hpp"
#include "tests/support/files.hpp"

namespace rowpool::fuzz {
namespace {

bool same(const TableTuning& a, const TableTuning& b) {
    return a.table == b.table && a.format == b.format && a.rows == b.rows && a.dim == b.dim &&
           a.prefetch == b.prefetch && a.ns_row == b.ns_row && a.ns_row_untuned == b.ns_row_untuned;
}

bool same(const TuningProfile& a, const TuningProfile& b) {
    return a.cpu == b.cpu && a.between == b.between &&
           std::ranges::equal(a.tables, b.tables, [](const auto& x, const auto& y) { return same(x, y); });
}

}  // namespace

void run(std::span<const std::byte> bytes) {
    on_file(bytes, [](const std::string& path) {
        const TuningProfile profile = tools::value_of(load_profile(path));
        const test::TemporaryFolder folder;
        require(bool(save_profile(profile, folder / "profile")), "what was read can be written");
        const auto again = load_profile(folder / "profile");
        require(again && same(*again, profile), "what was written is read again");
    });
}

}  // namespace rowpool::fuzz
