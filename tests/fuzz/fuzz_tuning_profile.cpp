// Any bytes as a tuning profile: what can be read can be written, and read again.
#include "rowpool/tuning.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/support/files.hpp"

void rowpool::fuzz::run(std::span<const std::byte> bytes) {
    on_file(bytes, [](const std::string& path) {
        const TuningProfile profile = tools::value_of(load_profile(path));
        const test::TemporaryFolder folder;
        require(bool(save_profile(profile, folder / "profile")), "what was read can be written");
        const auto again = load_profile(folder / "profile");
        require(again && again->tables.size() == profile.tables.size(), "what was written can be read");
    });
}
