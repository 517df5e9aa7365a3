// What a PyTorch checkpoint's pickle holds: numbers, texts, containers and tensors, as plain data.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tools/inputs/torch/torch_types.hpp"

namespace rowpool::tools {

struct PickleValue;

/// Bytes beside the pickle that tensors lie in.
struct TorchStorage {
    std::string_view key;  ///< name of the member that holds them
    const TorchType* type = nullptr;
    std::uint64_t bytes = 0;  ///< as the pickle has it; how many there are is for the archive to say
};

struct TorchTensor;

/// What the codes of a quantized tensor stand for: scale * (code - zero point).
struct TorchQuantization {
    double scale = 0;  ///< of all elements, unless there are scales
    std::int64_t zero_point = 0;
    const TorchTensor* scales = nullptr;  ///< one for each place along the axis, as zero points
    const TorchTensor* zero_points = nullptr;
    std::int64_t axis = 0;
};

/// A view of a storage. Its elements lie within TorchStorage::bytes, unless it is unreadable; sizes and strides are not
/// negative.
struct TorchTensor {
    const TorchStorage* storage = nullptr;
    const TorchType* type = nullptr;
    std::uint64_t offset = 0;            ///< elements before the first one
    std::vector<std::uint64_t> sizes;    ///< at most 64
    std::vector<std::uint64_t> strides;  ///< in elements; as many as sizes
    std::optional<TorchQuantization> quantization = {};
    /// Why its elements cannot be read as they lie, and what to do about it; else null.
    const char* unreadable = nullptr;
    /// How many tensors a nested one has, which is unreadable; its sizes are those of all their values together.
    std::uint64_t nested = 0;
};

/// Whatever cannot hold a tensor and names nothing: bytes, sets, devices.
struct PickleOpaque {};
struct PickleNone {};
struct PickleTuple {
    std::vector<const PickleValue*> items;
};
struct PickleList {
    std::vector<const PickleValue*> items;
};
struct PickleDict {
    std::vector<std::pair<const PickleValue*, const PickleValue*>> entries;  ///< in their order; keys may repeat
};
/// A function, class or constant of Python by its name, "torch.float32". All that exist are data or make data. The name
/// is that of find_global(), not the pickle's.
struct PickleGlobal {
    std::string_view name;
};

/// One value. It may be part of several others, and of itself: a container is found by its address.
struct PickleValue {
    std::variant<PickleOpaque, PickleNone, bool, std::int64_t, double, std::string_view, PickleTuple, PickleList,
                 PickleDict, PickleGlobal, const TorchStorage*, const TorchTensor*>
        data;
};

/// All values of one pickle. Texts point into the pickle's bytes. Moving it moves no value.
struct PickleTree {
    std::deque<PickleValue> values;
    std::deque<TorchStorage> storages;
    std::deque<TorchTensor> tensors;
    const PickleValue* root = nullptr;
};

}  // namespace rowpool::tools
