// Reads and writes rowpool's metadata: JSON text under the key `rowpool`, the header's checksum under `rowpool.xxh3`.
#include "file/table_metadata.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "file/checksum.hpp"
#include "support/strict_json.hpp"
#include "support/text.hpp"

namespace rowpool::file {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kVersion = 1;           // of a file without remaps
constexpr std::uint64_t kRemapVersion = 2;      // a reader of version 1 would take ids for rows
constexpr std::size_t kMetadataDepth = 8;       // version 1 needs 4; the rest is for members of later versions
constexpr std::uint64_t kSmallestBlock = 4096;  // so that a hostile file cannot make verify() work byte by byte
constexpr char kTablesKey[] = "rowpool";
constexpr char kHeaderChecksumKey[] = "rowpool.xxh3";
constexpr std::string_view kNoChecksum = "0000000000000000";

Error corrupt(std::string message) { return {ErrorCode::corrupt_file, std::move(message)}; }

// Reads the members of one JSON object and remembers the first error, so that callers can read member after member
// without checking each.
class Members {
public:
    explicit Members(const Json& object) : object_(object) {
        if (!object.is_object()) fault_ = "is not an object";
    }

    const std::string& fault() const noexcept { return fault_; }

    const Json* find(const char* key) const {
        return object_.is_object() && object_.contains(key) ? &object_[key] : nullptr;
    }

    /// A count of rows, columns or bytes: an integer from 0 to 2^63 - 1.
    std::uint64_t size(const char* key) {
        const Json* json = required(key);
        if (json == nullptr) return 0;
        if (json->is_number_unsigned() && json->get<std::uint64_t>() <= INT64_MAX) return json->get<std::uint64_t>();
        fail(key, "is not a size");
        return 0;
    }

    std::string text(const char* key) {
        const Json* json = required(key);
        if (json == nullptr) return {};
        if (json->is_string()) return json->get<std::string>();
        fail(key, "is not a string");
        return {};
    }

    double metric(const char* key) {
        const Json* json = required(key);
        if (json == nullptr) return 0;
        if (json->is_number() && json->get<double>() >= 0) return json->get<double>();
        fail(key, "is not a number from 0 on");
        return 0;
    }

    RowFormat format(const char* key) {
        const std::string name = text(key);
        const auto format = parse_row_format(name);
        if (!format) fail(key, support::printable(name) + " is no row format");
        return format.value_or(RowFormat::f32);
    }

    HelperTensor helper(const char* key) {
        const auto checksum = parse_hex(text((std::string(key) + "_xxh3").c_str()));
        if (!checksum) fail(key, "has no checksum of 16 hexadecimal digits");
        return {text(key), checksum.value_or(0)};
    }

private:
    const Json* required(const char* key) {
        const Json* json = find(key);
        if (json == nullptr) fail(key, "is missing");
        return json;
    }

    void fail(const std::string& key, const std::string& message) {
        if (fault_.empty()) fault_ = key + " " + message;
    }

    const Json& object_;
    std::string fault_;
};

Result<TableRecord> read_record(const Json& json, std::uint64_t version) {
    Members members(json);
    TableRecord record;
    record.shape.format = members.format("format");
    record.shape.dim = members.size("dim");
    record.shape.row_stride = members.size("row_stride");
    if (members.find("padding_index") != nullptr) {
        record.shape.padding_index = static_cast<std::int64_t>(members.size("padding_index"));
    }
    if (members.find("hot_rows") != nullptr) record.hot_rows = members.size("hot_rows");
    record.origin.source = members.text("source");
    record.origin.quantization = members.text("quantization");
    record.checksums = members.helper("checksums");
    if (members.find("names") != nullptr) record.names = members.helper("names");
    if (members.find("remap") != nullptr) record.remap = members.helper("remap");
    if (const Json* error = members.find("error"); error != nullptr) {
        Members metrics(*error);
        record.origin.error = ErrorMetrics{metrics.metric("max_abs"), metrics.metric("relative_l2")};
        if (!metrics.fault().empty()) return corrupt("error " + metrics.fault());
    }
    if (!members.fault().empty()) return corrupt(members.fault());
    if (record.remap && version < kRemapVersion) {
        return corrupt("has a remap, which version " + std::to_string(version) + " does not have");
    }
    return record;
}

Status check_version(const Json& json) {
    Members members(json);
    const std::uint64_t version = members.size("version");
    if (members.fault().empty() && version > kRemapVersion) {
        return Error{ErrorCode::unsupported, "has version " + std::to_string(version) + ", this rowpool reads up to " +
                                                 std::to_string(kRemapVersion)};
    }
    if (version == 0) return corrupt(members.fault().empty() ? "has version 0" : members.fault());
    return {};
}

Result<TableMetadata> read_tables(const Json& json) {
    TableMetadata metadata;
    Members members(json);
    const std::uint64_t version = members.size("version");
    metadata.checksum_block = members.size("checksum_block");
    if (!members.fault().empty()) return corrupt(members.fault());
    if (metadata.checksum_block < kSmallestBlock) return corrupt("checksum_block is too small");
    const Json* tables = members.find("tables");
    if (tables == nullptr || !tables->is_object()) return corrupt("tables are missing");
    for (const auto& [name, entry] : tables->items()) {
        auto record = read_record(entry, version);
        if (!record) return corrupt("table " + support::printable(name) + ": " + record.error().message);
        metadata.tables.emplace(name, std::move(*record));
    }
    return metadata;
}

// The position of the checksum's digits in the text of the header.
Result<std::size_t> find_checksum_digits(std::string_view header) {
    const std::string lead = std::string("\"") + kHeaderChecksumKey + "\":\"";
    const std::size_t found = header.find(lead);
    const bool once = found != header.npos && header.find(lead, found + 1) == header.npos;
    if (!once || header.size() - found - lead.size() < kNoChecksum.size()) {
        return corrupt("is not written once in the header");
    }
    return found + lead.size();
}

// The checksum of a header is computed over its text with zeros in place of the digits.
std::uint64_t checksum_of_header(std::string header, std::size_t digits) {
    header.replace(digits, kNoChecksum.size(), kNoChecksum);
    return xxh3(std::as_bytes(std::span(header)));
}

Status check_header_checksum(const SafetensorsHeader& header) {
    const auto stored = header.metadata.find(kHeaderChecksumKey);
    if (stored == header.metadata.end()) return corrupt("is missing");
    if (!parse_hex(stored->second)) return corrupt("is not 16 hexadecimal digits");
    const auto digits = find_checksum_digits(header.text);
    if (!digits) return digits.error();
    if (to_hex(checksum_of_header(std::string(header.text), *digits)) != stored->second) {
        return corrupt("does not fit the header: the header was changed");
    }
    return {};
}

Json helper_json(const HelperTensor& helper, const char* key) {
    return {{key, helper.name}, {std::string(key) + "_xxh3", to_hex(helper.xxh3)}};
}

Json record_json(const TableRecord& record) {
    Json json = {{"format", to_string(record.shape.format)},
                 {"dim", record.shape.dim},
                 {"row_stride", record.shape.row_stride},
                 {"source", record.origin.source},
                 {"quantization", record.origin.quantization}};
    json.update(helper_json(record.checksums, "checksums"));
    if (record.names) json.update(helper_json(*record.names, "names"));
    if (record.remap) json.update(helper_json(*record.remap, "remap"));
    if (record.shape.padding_index) json["padding_index"] = *record.shape.padding_index;
    if (record.hot_rows) json["hot_rows"] = *record.hot_rows;
    if (const auto& error = record.origin.error) {
        json["error"] = {{"max_abs", error->max_abs}, {"relative_l2", error->relative_l2}};
    }
    return json;
}

std::string metadata_text(const TableMetadata& metadata) {
    Json tables = Json::object();
    std::uint64_t version = kVersion;
    for (const auto& [name, record] : metadata.tables) {
        tables[name] = record_json(record);
        if (record.remap) version = kRemapVersion;
    }
    const Json json = {{"version", version}, {"checksum_block", metadata.checksum_block}, {"tables", tables}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string_view float_dtype(RowFormat format) noexcept {
    switch (format) {
        case RowFormat::f32:
            return "F32";
        case RowFormat::f16:
            return "F16";
        case RowFormat::bf16:
            return "BF16";
        default:
            return {};
    }
}

TensorType tensor_type(const TableShape& shape) noexcept {
    const bool gapless = shape.row_stride == row_bytes(shape.format, shape.dim);
    if (gapless && !is_coded(shape.format)) return {float_dtype(shape.format), shape.dim};
    return {"U8", shape.row_stride};
}

Result<std::optional<TableMetadata>> read_table_metadata(const SafetensorsHeader& header, const std::string& path) {
    const auto fault = [&](const char* key, const Error& error) {
        return Error{error.code, path + ": metadata " + key + " " + error.message};
    };
    const auto text = header.metadata.find(kTablesKey);
    if (text == header.metadata.end()) {
        if (!header.metadata.contains(kHeaderChecksumKey)) return std::optional<TableMetadata>();
        return fault(kTablesKey, corrupt("is missing, but " + std::string(kHeaderChecksumKey) + " is there"));
    }
    const auto json = support::parse_strict_json(text->second, kMetadataDepth);
    if (!json) return fault(kTablesKey, json.error());
    if (const Status version = check_version(*json); !version) return fault(kTablesKey, version.error());
    const Status checksum = check_header_checksum(header);
    if (!checksum) return fault(kHeaderChecksumKey, checksum.error());
    auto metadata = read_tables(*json);
    if (!metadata) return fault(kTablesKey, metadata.error());
    return std::optional(std::move(*metadata));
}

std::string write_header(const std::vector<Tensor>& tensors, const TableMetadata& metadata, std::size_t size) {
    std::string header = safetensors_header(
        tensors, {{kTablesKey, metadata_text(metadata)}, {kHeaderChecksumKey, std::string(kNoChecksum)}});
    if (header.size() < size) header.append(size - header.size(), ' ');
    // Occurs exactly once: in names and texts, quotes are escaped.
    if (const auto digits = find_checksum_digits(header)) {
        header.replace(*digits, kNoChecksum.size(), to_hex(checksum_of_header(header, *digits)));
    }
    return header;
}

}  // namespace rowpool::file
