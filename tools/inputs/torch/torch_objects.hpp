// What a checkpoint may refer to besides plain values, and what comes of it: PyTorch's tensors and Python's containers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/inputs/torch/pickle_value.hpp"

namespace rowpool::tools {

/// The name, which lasts for ever, of what a pickle may name: element types, storages, and functions that make tensors
/// or containers. Nothing for any other name. The list is that of torch.load(weights_only=True).
std::optional<std::string_view> find_global(std::string_view name);

/// What a pickle's call of that function gives; tensors that cannot be tables are opaque. `where` begins the errors.
/// Fails when the arguments are not those that torch.save writes, or a tensor leaves its storage.
PickleValue call_global(PickleTree& tree, std::string_view name, const PickleTuple& arguments,
                        const std::string& where);

/// The storage that a persistent id stands for: ("storage", class, key, location, number of elements).
const TorchStorage* find_storage(PickleTree& tree, const PickleValue& id, const std::string& where);

}  // namespace rowpool::tools
