// Compares every byte of a table file with its checksums.
#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>

#include "file/checksum.hpp"
#include "file/remap.hpp"
#include "file/table_file_contents.hpp"
#include "memory/pages.hpp"
#include "support/boundary.hpp"
#include "support/parallel.hpp"

namespace rowpool {
namespace {

// Element i of a U64 tensor, which need not be aligned.
std::uint64_t load_u64(std::span<const std::byte> tensor, std::size_t i) {
    std::uint64_t value = 0;
    std::memcpy(&value, tensor.data() + i * sizeof value, sizeof value);
    return value;
}

// The smallest i below `count` for which intact(i) is false, or `count`. The result does not depend on the order of
// threads.
template <class Intact>
std::size_t find_first_damage(std::size_t count, const Intact& intact) {
    support::Smallest first;
    support::parallel_for(count, [&](std::size_t i) {
        if (i < first.get() && !intact(i)) first.note(i);
    });
    return std::min(first.get(), count);
}

}  // namespace

std::vector<TableFile::Contents::Block> TableFile::Contents::checksum_blocks() const {
    std::vector<Block> blocks;
    for (const Entry& entry : entries) {
        if (entry.checksums == nullptr) continue;
        blocks.push_back({entry.checksums, bytes(*entry.checksums), entry.record.checksums.xxh3});
    }
    return blocks;
}

std::vector<TableFile::Contents::Block> TableFile::Contents::data_blocks() const {
    std::vector<Block> blocks;
    for (const Entry& entry : entries) {
        if (entry.checksums == nullptr) continue;
        const auto rows = bytes(*entry.rows);
        for (std::size_t i = 0; i < entry.checksums->shape[0]; ++i) {
            const std::size_t at = i * checksum_block;
            const std::size_t size = std::min<std::size_t>(checksum_block, rows.size() - at);
            blocks.push_back({entry.rows, rows.subspan(at, size), load_u64(bytes(*entry.checksums), i)});
        }
        if (entry.names != nullptr) blocks.push_back({entry.names, bytes(*entry.names), entry.record.names->xxh3});
        if (entry.remap != nullptr) blocks.push_back({entry.remap, bytes(*entry.remap), entry.record.remap->xxh3});
    }
    for (const file::Tensor& tensor : header.tensors) {
        if (tensor.name.starts_with(file::kFillerPrefix)) blocks.push_back({&tensor, bytes(tensor), std::nullopt});
    }
    return blocks;
}

bool TableFile::Contents::is_intact(const Block& block) {
    memory::begin_reading(block.bytes);  // all at once, where read-ahead is off
    if (block.xxh3) return file::xxh3(block.bytes) == *block.xxh3;
    return std::ranges::all_of(block.bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

Status TableFile::Contents::check(std::vector<Block> blocks, const VerifyProgress& progress) const {
    // Names and remaps that several tables share are listed once for each of them.
    const auto key = [](const Block& block) { return std::tuple(block.bytes.data(), block.bytes.size(), block.xxh3); };
    std::ranges::sort(blocks, {}, key);
    const auto is_same = [&](const Block& a, const Block& b) { return key(a) == key(b); };
    blocks.erase(std::unique(blocks.begin(), blocks.end(), is_same), blocks.end());
    const std::size_t damaged = find_first_damage(blocks.size(), [&](std::size_t i) {
        const bool intact = is_intact(blocks[i]);
        if (progress) progress(blocks[i].bytes.size());
        return intact;
    });
    if (damaged == blocks.size()) return {};
    const Block& block = blocks[damaged];
    const auto begin = static_cast<std::size_t>(block.bytes.data() - file.bytes().data());
    return corrupt(block.tensor->name, "the " + std::to_string(block.bytes.size()) + " bytes from byte " +
                                           std::to_string(begin) + " on are damaged (" +
                                           (block.xxh3 ? "wrong checksum" : "filler that is not zero") + ")");
}

Status TableFile::Contents::check_remaps() const {
    // A remap that several tables share must be valid for the one with the fewest rows.
    std::map<const file::Tensor*, const Entry*> smallest;
    for (const Entry& entry : entries) {
        if (entry.remap == nullptr) continue;
        const Entry*& so_far = smallest.try_emplace(entry.remap, &entry).first->second;
        if (entry.shape.rows < so_far->shape.rows) so_far = &entry;
    }
    for (const auto& [tensor, entry] : smallest) {
        const auto rows_of_ids = remap(*entry);
        const std::size_t id = file::find_wrong_id(rows_of_ids, entry->shape.rows);
        if (id != rows_of_ids.size())
            return corrupt(tensor->name, file::wrong_id(id, rows_of_ids[id], entry->shape.rows));
    }
    return {};
}

Status TableFile::Contents::verify(const VerifyProgress& progress) const {
    if (!has_metadata) return {};
    // Checksums are verified first: a damaged checksum would make an intact block look damaged.
    const Status checksums = check(checksum_blocks(), progress);
    if (!checksums) return checksums;
    Status data = check(data_blocks(), progress);
    return data ? check_remaps() : data;
}

Status TableFile::verify(const VerifyProgress& progress) const {
    return support::without_exceptions([&] { return contents_->verify(progress); });
}

}  // namespace rowpool
