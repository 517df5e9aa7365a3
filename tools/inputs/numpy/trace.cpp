// Recorded lookups from a .npz archive, checked in full against the tables that they are for.
#include "tools/inputs/numpy/trace.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/inputs/input_file.hpp"
#include "tools/inputs/zip/zip.hpp"

namespace rowpool::tools {

namespace {

constexpr std::string_view kIndices = ".indices.npy";
constexpr std::string_view kOffsets = ".offsets.npy";
constexpr std::string_view kWeights = ".weights.npy";
constexpr std::size_t kIdAlignment = alignof(std::int64_t);

/// The name without `suffix`; empty when it does not end so.
std::string_view feature_of(std::string_view member, std::string_view suffix) {
    return member.ends_with(suffix) ? member.substr(0, member.size() - suffix.size()) : std::string_view();
}

std::string with_suffix(std::string_view feature, std::string_view suffix) {
    return std::string(feature) + std::string(suffix);
}

/// Copies elements that lie at odd addresses, as those of stored members do, to where they can be used.
void align(NpyArray& array) {
    if (reinterpret_cast<std::uintptr_t>(array.data.data()) % kIdAlignment == 0) return;
    const auto copy = std::make_shared<std::vector<std::byte>>(array.data.begin(), array.data.end());
    array.data = *copy;
    array.owner = copy;
}

NpyArray read_vector(const ZipArchive& archive, const ZipMember& member, std::string_view what) {
    NpyArray array = parse_npy(member_text(archive.path(), member.name), archive.read(member));
    if (array.shape.size() != 1)
        fail(array.path, ": ", what, " must have one dimension, not shape ", shape_text(array.shape));
    align(array);
    return array;
}

/// The position of the table of a feature named "TABLE", or "TABLE#2" where several features use one table.
std::optional<std::size_t> find_table(std::string_view feature, std::span<const TracedTable> tables) {
    const std::size_t hash = feature.rfind('#');
    const bool numbered = hash != std::string_view::npos && hash + 1 < feature.size() &&
                          feature.find_first_not_of("0123456789", hash + 1) == std::string_view::npos;
    for (const std::string_view name : {feature, numbered ? feature.substr(0, hash) : feature}) {
        const auto found = std::ranges::find(tables, name, &TracedTable::name);
        if (found != tables.end()) return static_cast<std::size_t>(found - tables.begin());
    }
    return {};
}

[[noreturn]] void fail_unknown(const std::string& path, std::string_view feature, std::span<const TracedTable> tables) {
    std::vector<std::string_view> known;
    for (const TracedTable& table : tables) known.push_back(table.name);
    fail(path, ": feature ", printable(feature), " is of no table; there are ", listed(known));
}

void check_offsets(const NpyArray& array, std::size_t num_indices) {
    const IndexSpan offsets = index_values(array, "offsets");
    if (offsets.empty()) fail(array.path, ": no offsets, not even the closing one");
    if (offsets[0] != 0) fail(array.path, ": the first offset is ", offsets[0], ", not 0");
    for (std::size_t i = 1; i < offsets.size(); ++i) {
        if (offsets[i] < offsets[i - 1])
            fail(array.path, ": offset ", i, " is ", offsets[i], ", below the one before it, ", offsets[i - 1]);
    }
    if (static_cast<std::uint64_t>(offsets[offsets.size() - 1]) != num_indices) {
        fail(array.path, ": the last offset is ", offsets[offsets.size() - 1], ", but there are ", num_indices,
             " indices");
    }
}

void check_indices(const TraceFeature& feature, const TracedTable& table) {
    const IndexSpan indices = index_values(feature.indices, "indices");
    const IndexSpan offsets = index_values(feature.offsets, "offsets");
    std::size_t bag = 0;
    for (std::size_t i = 0; i < indices.size(); ++i) {
        while (static_cast<std::uint64_t>(offsets[bag + 1]) <= i) ++bag;
        if (static_cast<std::uint64_t>(indices[i]) < table.ids) continue;  // negative ones are huge
        fail(feature.indices.path, ": table ", printable(table.name), ", bag ", bag, ": index ", indices[i],
             " at position ", i, " is not in [0, ", table.ids, ")");
    }
}

TraceFeature read_feature(const ZipArchive& archive, const ZipMember& member, std::string_view name,
                          std::span<const TracedTable> tables, std::size_t table) {
    const ZipMember* offsets = archive.find(with_suffix(name, kOffsets));
    const ZipMember* weights = archive.find(with_suffix(name, kWeights));
    if (offsets == nullptr) {
        fail(archive.path(), ": feature ", printable(name), " lacks its offsets, member ",
             printable(with_suffix(name, kOffsets)));
    }
    TraceFeature feature = {std::string(name),
                            table,
                            read_vector(archive, member, "indices"),
                            read_vector(archive, *offsets, "offsets"),
                            {}};
    check_offsets(feature.offsets, index_values(feature.indices, "indices").size());
    check_indices(feature, tables[table]);
    if (weights == nullptr) return feature;
    feature.weights = read_vector(archive, *weights, "weights");
    if (float_values(*feature.weights, "weights").size() != feature.indices.size) {
        fail(feature.weights->path, ": ", feature.weights->size, " weights for ", feature.indices.size, " indices");
    }
    return feature;
}

/// Refuses members that no feature reads, and more than fits the memory.
void check_members(const ZipArchive& archive) {
    std::uint64_t total = 0;
    for (const ZipMember& member : archive.members()) {
        std::string_view name;
        for (const std::string_view suffix : {kIndices, kOffsets, kWeights}) {
            if (name.empty()) name = feature_of(member.name, suffix);
        }
        if (name.empty() || archive.find(with_suffix(name, kIndices)) == nullptr) {
            fail(member_text(archive.path(), member.name),
                 ": of no feature; a trace has NAME.indices, NAME.offsets and perhaps NAME.weights for each");
        }
        if (__builtin_add_overflow(total, member.size, &total) || total > physical_memory()) {
            fail(archive.path(), ": its arrays would not fit into the memory of this machine, ",
                 human_bytes(physical_memory()));
        }
    }
}

}  // namespace

std::vector<TracedTable> traced_tables(std::span<const Table> tables) {
    std::vector<TracedTable> traced;
    for (const Table& table : tables) traced.push_back({std::string(table.name()), table.num_ids()});
    return traced;
}

Trace open_trace(const std::string& path, std::span<const TracedTable> tables, OtherFeatures others) {
    const ZipArchive archive(open_input(path));
    check_members(archive);
    Trace trace = {path, {}, 0};
    for (const ZipMember& member : archive.members()) {
        const std::string_view name = feature_of(member.name, kIndices);
        if (name.empty()) continue;
        const std::optional<std::size_t> table = find_table(name, tables);
        if (!table && others == OtherFeatures::left_out) continue;
        if (!table) fail_unknown(path, name, tables);
        trace.features.push_back(read_feature(archive, member, name, tables, *table));
        const TraceFeature& feature = trace.features.back();
        const std::size_t samples = feature.offsets.size - 1;
        if (trace.features.size() > 1 && samples != trace.samples) {
            fail(path, ": feature ", printable(name), " has ", samples, " samples, feature ",
                 printable(trace.features.front().name), " has ", trace.samples);
        }
        trace.samples = samples;
    }
    if (trace.features.empty()) {
        fail(path, archive.members().empty() ? ": no feature in it: an empty archive" : ": no feature of these tables");
    }
    if (trace.samples == 0) fail(path, ": no samples in it");
    return trace;
}

}  // namespace rowpool::tools
