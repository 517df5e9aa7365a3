// Profiles as files: one JSON object, {"rowpool_tuning": 1, "cpu": ..., "between_bytes": ..., "tables": [...]}.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "rowpool/tuning.hpp"
#include "support/boundary.hpp"
#include "support/mapped_file.hpp"
#include "support/output_file.hpp"
#include "support/strict_json.hpp"
#include "support/text.hpp"

namespace rowpool {
namespace {

using Json = nlohmann::json;

constexpr char kVersionKey[] = "rowpool_tuning";
constexpr char kBetweenKey[] = "between_bytes";
constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kDepth = 8;  // version 1 needs 3; the rest is for members of later versions
constexpr std::size_t kMostTables = std::size_t{1} << 20;

constexpr std::string_view name_of(Prefetch::Into into) noexcept {
    return into == Prefetch::Into::first_level ? "L1" : "L2";
}

Json json_of(const TableTuning& tuning) {
    return {{"table", tuning.table},
            {"format", to_string(tuning.format)},
            {"rows", tuning.rows},
            {"dim", tuning.dim},
            {"prefetch_distance", tuning.prefetch.distance},
            {"prefetch_into", name_of(tuning.prefetch.into)},
            {"ns_row", tuning.ns_row},
            {"ns_row_untuned", tuning.ns_row_untuned}};
}

/// The member of an object, or null when there is none.
const Json& member(const Json& object, const char* key) {
    static const Json none;
    return object.is_object() && object.contains(key) ? object[key] : none;
}

bool is_size(const Json& json, std::uint64_t most) {
    return json.is_number_unsigned() && json.get<std::uint64_t>() <= most;
}

bool is_time(const Json& json) { return json.is_number() && json.get<double>() >= 0; }

/// Reads one table's tuning; nothing when a member is missing or has the wrong type.
std::optional<TableTuning> tuning_of(const Json& json) {
    const Json& format = member(json, "format");
    const Json& into = member(json, "prefetch_into");
    const auto parsed = format.is_string() ? parse_row_format(format.get_ref<const std::string&>()) : std::nullopt;
    const bool is_valid =
        member(json, "table").is_string() && parsed && is_size(member(json, "rows"), INT64_MAX) &&
        is_size(member(json, "dim"), kMaxDim) && is_size(member(json, "prefetch_distance"), Prefetch::kMostDistance) &&
        (into == "L1" || into == "L2") && is_time(member(json, "ns_row")) && is_time(member(json, "ns_row_untuned"));
    if (!is_valid) return std::nullopt;
    return TableTuning{.table = json["table"],
                       .format = *parsed,
                       .rows = json["rows"],
                       .dim = json["dim"],
                       .prefetch = {json["prefetch_distance"],
                                    into == "L1" ? Prefetch::Into::first_level : Prefetch::Into::second_level},
                       .ns_row = json["ns_row"],
                       .ns_row_untuned = json["ns_row_untuned"]};
}

/// Whether the tuning can be written and read back.
bool is_valid(const TableTuning& tuning) {
    return tuning.prefetch.distance <= Prefetch::kMostDistance && tuning.dim <= kMaxDim && tuning.ns_row >= 0 &&
           tuning.ns_row_untuned >= 0 && std::isfinite(tuning.ns_row) && std::isfinite(tuning.ns_row_untuned);
}

Error corrupt(const std::string& path, const std::string& what) {
    return {ErrorCode::corrupt_file, path + ": " + what};
}

Result<TuningProfile> profile_of(const Json& json, const std::string& path) {
    const Json& version = member(json, kVersionKey);
    if (!version.is_number_unsigned()) return corrupt(path, "is no tuning profile: it has no version");
    if (version == 0) return corrupt(path, "is no tuning profile: its version is 0");
    if (version != kVersion) {
        return Error{ErrorCode::unsupported, path + ": is a tuning profile of a newer version"};
    }
    const Json& tables = member(json, "tables");
    if (!member(json, "cpu").is_string() || !tables.is_array()) return corrupt(path, "has no cpu or no tables");
    const Json& between = member(json, kBetweenKey);  // missing in the first profiles
    if (!between.is_null() && !is_size(between, SIZE_MAX)) return corrupt(path, "has a wrong between_bytes");
    TuningProfile profile = {.cpu = json["cpu"], .tables = {}};
    if (!between.is_null()) profile.between = between;
    for (const Json& table : tables) {
        std::optional<TableTuning> tuning = tuning_of(table);
        if (!tuning) return corrupt(path, "table " + std::to_string(profile.tables.size()) + " is not as it should be");
        profile.tables.push_back(*std::move(tuning));
    }
    return profile;
}

}  // namespace

Status save_profile(const TuningProfile& profile, const std::string& path) {
    return support::without_exceptions([&]() -> Status {
        const auto invalid = std::ranges::find_if_not(profile.tables, is_valid);
        if (invalid != profile.tables.end() || profile.tables.size() > kMostTables) {
            return Error{ErrorCode::invalid_argument, path + ": the profile has distances or times that cannot be"};
        }
        Json tables = Json::array();
        for (const TableTuning& tuning : profile.tables) tables.push_back(json_of(tuning));
        const Json json = {{kVersionKey, kVersion},
                           {"cpu", profile.cpu},
                           {kBetweenKey, profile.between},
                           {"tables", std::move(tables)}};
        const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
        Result<support::OutputFile> file = support::OutputFile::create(path);
        if (!file) return file.error();
        if (Status written = file->write_at(0, std::as_bytes(std::span(text))); !written) return written;
        return file->commit();
    });
}

Result<TuningProfile> load_profile(const std::string& path) {
    return support::without_exceptions([&]() -> Result<TuningProfile> {
        const Result<support::MappedFile> file = support::MappedFile::open(path);
        if (!file) return file.error();
        const std::string_view text = support::as_text(file->bytes());
        const Result<Json> json = support::parse_strict_json(text, kDepth, kMostTables);
        if (!json) return corrupt(path, json.error().message);
        return profile_of(*json, path);
    });
}

}  // namespace rowpool
