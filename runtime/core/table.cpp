// Tables over the caller's memory, and the NUMA copy that a thread reads.
#include "rowpool/table.hpp"

#include <utility>

#include "core/local_rows.hpp"
#include "core/table_shape.hpp"
#include "memory/replicas.hpp"
#include "support/boundary.hpp"
#include "support/text.hpp"

namespace rowpool {

Result<Table> Table::view(std::string name, const TableShape& shape, std::span<const std::byte> bytes) {
    return view(std::move(name), shape, bytes, {});
}

Result<Table> Table::view(std::string name, const TableShape& shape, std::span<const std::byte> bytes,
                          std::span<const std::int32_t> remap) {
    return support::without_exceptions([&]() -> Result<Table> {
        const Result<CheckedShape> checked = check_shape(shape, remap.size());
        if (!checked)
            return Error{checked.error().code, "table " + support::printable(name) + ": " + checked.error().message};
        if (bytes.size() < checked->bytes) {
            return Error{ErrorCode::invalid_argument, "table " + support::printable(name) + ": " +
                                                          std::to_string(bytes.size()) + " bytes are fewer than the " +
                                                          std::to_string(checked->bytes) + " of its rows"};
        }
        auto shared_name = std::make_shared<const std::string>(std::move(name));
        const auto rows_of_ids = remap.empty() ? std::span<const std::int32_t>() : remap;  // without an address
        return Table(std::move(shared_name), checked->shape, bytes.data(), rows_of_ids);
    });
}

bool core::is_replicated(const Table& table) noexcept { return table.replicas_ != nullptr; }

const std::byte* core::local_data(const Table& table) noexcept {
    return table.replicas_ == nullptr ? table.data_ : table.data_ + table.replicas_->offset_here();
}

const memory::ColdRows* core::cold_rows(const Table& table) noexcept { return table.cold_rows_; }

std::span<const std::int32_t> core::local_remap(const Table& table) noexcept {
    const std::span<const std::int32_t> remap = table.remap_;
    if (table.replicas_ == nullptr || remap.empty()) return remap;
    return {remap.data() + table.replicas_->offset_here() / sizeof(std::int32_t), remap.size()};
}

}  // namespace rowpool
