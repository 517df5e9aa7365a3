// Tables from a model that is spread over several files: the index says which file has which tensor.
#include "tools/inputs/safetensors/sharded_source.hpp"

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/safetensors/table_source.hpp"
#include "tools/inputs/torch/checkpoint_source.hpp"
#include "tools/inputs/zip/zip.hpp"

namespace rowpool::tools {

namespace {

using Json = nlohmann::json;
using WeightMap = std::map<std::string, std::string>;
using Shards = std::map<std::string, std::vector<std::string_view>>;

constexpr std::string_view kWeightMap = "weight_map";
constexpr std::size_t kMostTensors = std::size_t{1} << 20;

/// The events of nlohmann::json::sax_parse: takes {"weight_map": {tensor: shard}} and passes over the rest.
class IndexReader {
public:
    explicit IndexReader(WeightMap& map) : map_(map) {}

    bool null() { return other(); }
    bool boolean(bool) { return other(); }
    bool number_integer(std::int64_t) { return other(); }
    bool number_unsigned(std::uint64_t) { return other(); }
    bool number_float(double, const std::string&) { return other(); }
    bool binary(Json::binary_t&) { return other(); }
    bool start_array(std::size_t) { return other() && open(); }
    bool end_array() { return close(); }
    bool end_object() { return close(); }

    bool string(std::string& shard) {
        if (depth_ == 0) return stop("is no object");
        if (!in_map()) return true;
        if (map_.size() == kMostTensors) return stop("has too many tensors");
        if (map_.emplace(key_, shard).second) return true;
        return stop("has tensor " + printable(key_) + " twice");
    }

    bool start_object(std::size_t) {
        const bool is_map = depth_ == 1 && key_ == kWeightMap;
        if (is_map && seen_) return stop("has a weight_map twice");
        seen_ = seen_ || is_map;
        inside_ = inside_ || is_map;
        if (depth_ > 1 && inside_) return stop("its weight_map is not of names");
        return open();
    }

    bool key(std::string& name) {
        if (depth_ == 1) inside_ = false;
        key_ = std::move(name);
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
        return stop("is not JSON at its byte " + std::to_string(position == 0 ? 0 : position - 1));
    }

    bool has_map() const { return seen_; }
    const std::string& fault() const { return fault_; }

private:
    bool in_map() const { return depth_ == 2 && inside_; }
    bool other() { return in_map() ? stop("its weight_map is not of names") : depth_ > 0 || stop("is no object"); }
    bool open() { return ++depth_ < 64 || stop("is nested too deeply"); }
    bool close() {
        --depth_;
        return true;
    }

    bool stop(std::string fault) {
        fault_ = std::move(fault);
        return false;
    }

    WeightMap& map_;
    std::size_t depth_ = 0;
    bool seen_ = false;
    bool inside_ = false;  // the value of weight_map
    std::string key_;
    std::string fault_;
};

WeightMap read_index(const support::MappedFile& index) {
    const std::string_view text = as_text(index.bytes());
    WeightMap map;
    IndexReader reader(map);
    if (!Json::sax_parse(text.begin(), text.end(), &reader)) fail(index.path(), ": ", reader.fault());
    if (!reader.has_map() || map.empty()) fail(index.path(), ": has no weight_map that names tensors");
    return map;
}

bool is_checkpoint_name(const std::string& shard) { return shard.ends_with(".bin"); }

/// Shards lie beside the index: no other folder can be named.
std::string shard_path(const support::MappedFile& index, const std::string& shard) {
    const bool plain =
        !shard.empty() && shard != "." && shard != ".." && shard == one_line(shard) && shard.find('/') == shard.npos;
    if (!plain) fail(index.path(), ": shard ", printable(shard), " is no name of a file beside the index");
    return (std::filesystem::path(index.path()).parent_path() / shard).string();
}

/// Fails for a table that the index does not have in that shard.
Sources require_indexed(const support::MappedFile& index, const WeightMap& map, const std::string& shard,
                        Sources sources) {
    for (const std::unique_ptr<Source>& source : sources) {
        const auto found = map.find(source->description().name);
        if (found != map.end() && found->second == shard) continue;
        fail(index.path(), ": tensor ", printable(source->description().name), " is in ", source->file(),
             ", where the index does not have it");
    }
    return sources;
}

[[noreturn]] void fail_missing(const support::MappedFile& index, std::string_view name, const std::string& shard) {
    fail(index.path(), ": tensor ", printable(name), " is not in ", shard, ", where the index has it");
}

/// Opens a shard, in which every tensor must be that the index has there.
TableFile open_shard(const support::MappedFile& index, const std::string& shard,
                     const std::vector<std::string_view>& wanted) {
    const std::string path = shard_path(index, shard);
    TableFile file = value_of(TableFile::open(path, {.read_ahead = ReadAhead::on}));
    std::set<std::string_view> names;
    const std::vector<TensorView> tensors = value_of(file.tensors());
    for (const TensorView& tensor : tensors) names.insert(tensor.name);
    for (const std::string_view name : wanted) {
        if (!names.contains(name)) fail_missing(index, name, path);
    }
    return file;
}

/// Opens the shards that are safetensors files. Codes may lie in one and their scales in another.
Sources open_table_shards(const support::MappedFile& index, const WeightMap& map, const Shards& shards,
                          Reading& reading) {
    std::vector<std::pair<std::string, TableFile>> files;
    std::vector<CodePart> parts;
    for (const auto& [shard, wanted] : shards) {
        if (is_checkpoint_name(shard)) continue;
        files.emplace_back(shard, open_shard(index, shard, wanted));
        for (CodePart& part : code_parts(files.back().second)) {
            const auto found = map.find(part.name);
            if (found != map.end() && found->second == shard) parts.push_back(std::move(part));
        }
    }
    const ScaledTensors scaled(std::move(parts));
    Sources all;
    for (const auto& [shard, file] : files) {
        for (auto& source :
             require_indexed(index, map, shard, open_table_sources(file.path(), file, scaled, reading))) {
            all.push_back(std::move(source));
        }
    }
    return all;
}

/// Opens a shard that is a checkpoint.
Sources open_checkpoint_shard(const support::MappedFile& index, const WeightMap& map, const std::string& shard,
                              const std::vector<std::string_view>& wanted, Reading& reading) {
    const std::string path = shard_path(index, shard);
    const ZipArchive archive(value_of(support::MappedFile::open(path)));
    const std::vector<std::string_view> missing = missing_from_checkpoint(archive, wanted);
    if (!missing.empty()) fail_missing(index, missing.front(), path);
    return require_indexed(index, map, shard, open_checkpoint_sources(archive, reading));
}

}  // namespace

Sources open_sharded_sources(const support::MappedFile& index, Reading& reading) {
    const WeightMap map = read_index(index);
    Shards shards;
    for (const auto& [name, shard] : map) shards[shard].push_back(name);
    const bool lists = std::exchange(reading.lists, true);  // a shard may have no table, when another one has
    Sources all = open_table_shards(index, map, shards, reading);
    for (const auto& [shard, wanted] : shards) {
        if (!is_checkpoint_name(shard)) continue;
        for (auto& source : open_checkpoint_shard(index, map, shard, wanted, reading)) {
            all.push_back(std::move(source));
        }
    }
    reading.lists = lists;
    if (all.empty()) refuse_empty(reading, index.path(), "no two-dimensional tensor of floating-point numbers");
    return all;
}

}  // namespace rowpool::tools
