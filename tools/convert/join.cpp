// What --join makes of the tables that were read: shards of one table become that.
#include "tools/convert/join.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "tools/base/failure.hpp"
#include "tools/base/text.hpp"
#include "tools/convert/choice.hpp"
#include "tools/convert/joined_source.hpp"
#include "tools/convert/sequence.hpp"

namespace rowpool::tools {

namespace {

/// The shards of one table, by their positions among the sources.
struct Join {
    std::string name;
    std::vector<std::size_t> shards;
};

/// What tells the shards from each other: their names, or the files in which they have one name.
std::vector<std::string> sequence_names(const Sources& sources, const std::vector<std::size_t>& shards) {
    const std::string& first = sources[shards.front()]->description().name;
    const bool one_name =
        std::ranges::all_of(shards, [&](std::size_t shard) { return sources[shard]->description().name == first; });
    std::vector<std::string> names;
    for (const std::size_t shard : shards) {
        const Source& source = *sources[shard];
        names.push_back(one_name && shards.size() > 1 ? std::string(input_of(source.file()))
                                                      : source.description().name);
    }
    return names;
}

bool is_pattern(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

/// The tables that one option means, in their order.
std::vector<std::size_t> shards_of(const TableChoice& choice, const std::string& where, const Sources& sources,
                                   const Reading& reading) {
    for (const LeftOut& tensor : reading.left_out) {
        if (chosen(choice.pattern, tensor.file, tensor.name)) fail(where, tensor.file, ": ", text_of(tensor));
    }
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < sources.size(); ++i) {
        if (chosen(choice.pattern, sources[i]->file(), sources[i]->description().name)) found.push_back(i);
    }
    if (found.empty()) fail_unmatched(choice.pattern, sources, reading.left_out);
    if (found.size() == 1 && !is_pattern(choice.pattern)) return found;
    std::vector<std::size_t> ordered;
    for (const std::size_t at : sequence_order(where, sequence_names(sources, found))) ordered.push_back(found[at]);
    return ordered;
}

std::vector<Join> find_joins(const std::vector<std::string>& options, const Sources& sources, const Reading& reading) {
    std::vector<Join> joins;
    std::vector<bool> taken(sources.size());
    for (const std::string& option : options) {
        const std::string where = "--join " + printable(option) + ": ";
        const TableChoice choice = parse_choice(option, sources);
        if (!choice.renames || choice.new_name.empty())
            fail(where, "it has no name for the joined table: PATTERN=NEWNAME");
        auto join = std::ranges::find(joins, choice.new_name, &Join::name);
        if (join == joins.end()) join = joins.insert(join, {choice.new_name, {}});
        for (const std::size_t shard : shards_of(choice, where, sources, reading)) {
            if (taken[shard]) fail(where, printable(sources[shard]->description().name), " is joined already");
            taken[shard] = true;
            join->shards.push_back(shard);
        }
    }
    return joins;
}

}  // namespace

Sources join_tables(Sources sources, const std::vector<std::string>& options, const Reading& reading) {
    for (const Join& join : find_joins(options, sources, reading)) {
        Sources shards;
        for (const std::size_t shard : join.shards) shards.push_back(std::move(sources[shard]));
        sources[std::ranges::min(join.shards)] = join_shards(join.name, std::move(shards));
    }
    std::erase(sources, nullptr);
    return sources;
}

}  // namespace rowpool::tools
