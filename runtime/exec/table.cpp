// Tables over the caller's memory, and the copy of its rows that a thread reads.
#include "rowpool/table.hpp"

#include <utility>

#include "core/boundary.hpp"
#include "core/table_shape.hpp"
#include "core/text.hpp"
#include "memory/replicas.hpp"

namespace rowpool {

Result<Table> Table::view(std::string name, const TableShape& shape, std::span<const std::byte> bytes) {
    return without_exceptions([&]() -> Result<Table> {
        const Result<CheckedShape> checked = check_shape(shape);
        if (!checked) return Error{checked.error().code, "table " + printable(name) + ": " + checked.error().message};
        if (bytes.size() < checked->bytes) {
            return Error{ErrorCode::invalid_argument, "table " + printable(name) + ": " + std::to_string(bytes.size()) +
                                                          " bytes are fewer than the " +
                                                          std::to_string(checked->bytes) + " of its rows"};
        }
        auto shared_name = std::make_shared<const std::string>(std::move(name));
        return Table(std::move(shared_name), checked->shape, bytes.data());
    });
}

const std::byte* Table::local_data() const noexcept {
    return replicas_ == nullptr ? data_ : data_ + replicas_->offset_here();
}

}  // namespace rowpool
