// Any bytes as JSON: what the strict parser takes is JSON to others, too.
#include <nlohmann/json.hpp>

#include "support/strict_json.hpp"
#include "tests/fuzz/target.hpp"

void rowpool::fuzz::run(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto json = support::parse_strict_json(text, 8);
    require(json ? nlohmann::json::accept(text) : !json.error().message.empty(), "JSON, or a reason");
}
