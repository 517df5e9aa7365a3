// The golden files (tests/golden) and what is expected of them.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rowpool::test {

struct Golden {
    std::string path;
    nlohmann::json expected;
};

inline std::string golden_folder() {
    const char* const folder = std::getenv("ROWPOOL_TEST_GOLDEN");
    REQUIRE_MESSAGE(folder != nullptr, "ROWPOOL_TEST_GOLDEN names the folder tests/golden");
    return folder;
}

/// All golden files of a kind; there is at least one.
inline std::vector<Golden> golden_files(std::string_view kind) {
    static constexpr std::string_view kSuffix = ".expected.json";
    std::vector<Golden> found;
    for (const auto& entry : std::filesystem::directory_iterator(golden_folder())) {
        const std::string path = entry.path();
        if (!path.ends_with(kSuffix)) continue;
        nlohmann::json expected = nlohmann::json::parse(std::ifstream(path));
        if (expected.at("kind") != kind) continue;
        found.push_back({path.substr(0, path.size() - kSuffix.size()), std::move(expected)});
    }
    REQUIRE(!found.empty());
    return found;
}

/// A number that is written as C's hexadecimal floating-point constants are: with all its bits.
inline double number_of(const nlohmann::json& text) {
    return std::strtod(text.get_ref<const std::string&>().c_str(), nullptr);
}

/// Such numbers as f32, which they are.
inline std::vector<float> floats_of(const nlohmann::json& texts) {
    std::vector<float> values;
    for (const nlohmann::json& text : texts) values.push_back(static_cast<float>(number_of(text)));
    return values;
}

}  // namespace rowpool::test
