// PyTorch's element types, under the names that its checkpoints have for them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "tools/inputs/element.hpp"

namespace rowpool::tools {

/// An element type. Compared by address.
struct TorchType {
    std::string_view dtype;          ///< "torch.float32"
    std::string_view storage;        ///< "torch.FloatStorage"; empty for the types that lie in untyped storages
    unsigned bits = 0;               ///< of one element
    unsigned storage_bytes = 0;      ///< of what a storage of this type counts
    std::optional<Element> element;  ///< what a matrix of them is made of, if a table can be made from it
};

/// The type of that name, or null.
const TorchType* find_torch_dtype(std::string_view dtype);
const TorchType* find_torch_storage(std::string_view storage);

/// The types of quantized tensors that tables are made from.
bool is_quint8(const TorchType& type);
bool is_qint8(const TorchType& type);
bool is_quint4x2(const TorchType& type);

}  // namespace rowpool::tools
