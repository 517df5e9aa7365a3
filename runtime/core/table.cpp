// Tables over the caller's memory, and the copy of its rows that a thread reads.
#include "rowpool/table.hpp"

#include <utility>

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

const std::byte* Table::local_data() const noexcept {
    return replicas_ == nullptr ? data_ : data_ + replicas_->offset_here();
}

std::span<const std::int32_t> Table::local_remap() const noexcept {
    if (replicas_ == nullptr || remap_.empty()) return remap_;
    return {remap_.data() + replicas_->offset_here() / sizeof(std::int32_t), remap_.size()};
}

}  // namespace rowpool
