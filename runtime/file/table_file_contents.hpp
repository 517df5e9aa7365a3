// The contents of an opened table file: its mapping, its checked header and its tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "file/safetensors.hpp"
#include "file/table_metadata.hpp"
#include "rowpool/table_file.hpp"
#include "support/mapped_file.hpp"

namespace rowpool {

struct TableFile::Contents {
    /// The tensors of one table, its shape and its metadata.
    struct Entry {
        const file::Tensor* rows = nullptr;  ///< never null once the file is open
        TableShape shape = {};
        const file::Tensor* checksums = nullptr;  ///< null for a table that the metadata does not mention
        const file::Tensor* names = nullptr;      ///< null for a table without row names
        const file::Tensor* remap = nullptr;      ///< null for a table whose ids are rows
        file::TableRecord record = {};
    };

    /// A byte range and its expected checksum.
    struct Block {
        const file::Tensor* tensor = nullptr;
        std::span<const std::byte> bytes;
        std::optional<std::uint64_t> xxh3;  ///< empty: all bytes must be zero
    };

    /// Finds the tables of a file whose header was read: fills `entries`. Error: corrupt_file.
    Status add_entries(const std::optional<file::TableMetadata>& metadata);
    /// Holds their rows in memory: makes `tables`. Errors as hold_rows().
    Status make_tables(const OpenOptions& options, const memory::Numa& numa, const memory::Paging& paging);
    /// Compares everything in the file with its checksums. Error: corrupt_file, the first damage in the file.
    Status verify(const VerifyProgress& progress) const;

    /// Bytes of a tensor in the mapping.
    std::span<const std::byte> bytes(const file::Tensor& tensor) const noexcept {
        return file.bytes().subspan(header.data_begin + tensor.begin, tensor.size());
    }
    /// The row of each id; empty when ids are rows.
    std::span<const std::int32_t> remap(const Entry& entry) const noexcept;
    /// "PATH: tensor NAME: MESSAGE"
    Error corrupt(std::string_view tensor, const std::string& message) const;

    support::MappedFile file;
    file::SafetensorsHeader header;
    bool has_metadata = false;
    std::uint64_t checksum_block = 0;  ///< 0 without metadata
    std::vector<Entry> entries = {};   ///< one per table, in the order of their bytes
    std::vector<Table> tables = {};    ///< in the same order

private:
    Status add_recorded(const file::Tensor& rows, const file::TableRecord& record,
                        const std::map<std::string_view, const file::Tensor*>& tensors);
    Status add_remap(Entry& entry, const file::Tensor* tensor);
    std::span<const std::byte> held_bytes(const Entry& entry, const std::optional<HotPart>& hot) const noexcept;
    std::vector<std::span<const std::byte>> cold_bytes(const OpenOptions& options, const memory::Paging& paging) const;
    std::vector<Block> checksum_blocks() const;
    std::vector<Block> data_blocks() const;
    static bool is_intact(const Block& block);
    Status check(std::vector<Block> blocks, const VerifyProgress& progress) const;
    Status check_remaps() const;
};

}  // namespace rowpool
