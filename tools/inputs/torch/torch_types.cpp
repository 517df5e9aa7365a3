// PyTorch's element types, under the names that its checkpoints have for them.
#include "tools/inputs/torch/torch_types.hpp"

#include <algorithm>
#include <array>

namespace rowpool::tools {

namespace {

using Types = std::array<TorchType, 47>;

constexpr Types kTypes = {{
    {"torch.float32", "torch.FloatStorage", 32, 4, Element::f32},
    {"torch.float64", "torch.DoubleStorage", 64, 8, Element::f64},
    {"torch.float16", "torch.HalfStorage", 16, 2, Element::f16},
    {"torch.bfloat16", "torch.BFloat16Storage", 16, 2, Element::bf16},
    {"torch.uint8", "torch.ByteStorage", 8, 1, Element::u8},
    {"torch.quint8", "torch.QUInt8Storage", 8, 1, Element::u8},
    {"torch.quint4x2", "torch.QUInt4x2Storage", 4, 1, {}},
    {"torch.quint2x4", "torch.QUInt2x4Storage", 2, 1, {}},
    {"torch.qint8", "torch.QInt8Storage", 8, 1, Element::i8},
    {"torch.qint32", "torch.QInt32Storage", 32, 4, {}},
    {"torch.int8", "torch.CharStorage", 8, 1, Element::i8},
    {"torch.int16", "torch.ShortStorage", 16, 2, {}},
    {"torch.int32", "torch.IntStorage", 32, 4, Element::i32},
    {"torch.int64", "torch.LongStorage", 64, 8, Element::i64},
    {"torch.bool", "torch.BoolStorage", 8, 1, {}},
    {"torch.complex64", "torch.ComplexFloatStorage", 64, 8, {}},
    {"torch.complex128", "torch.ComplexDoubleStorage", 128, 16, {}},
    {"", "torch.storage.UntypedStorage", 8, 1, {}},
    {"torch.complex32", "", 32, 4, {}},
    {"torch.uint16", "", 16, 2, {}},
    {"torch.uint32", "", 32, 4, {}},
    {"torch.uint64", "", 64, 8, {}},
    {"torch.float8_e4m3fn", "", 8, 1, Element::f8_e4m3},
    {"torch.float8_e4m3fnuz", "", 8, 1, Element::f8_e4m3fnuz},
    {"torch.float8_e5m2", "", 8, 1, Element::f8_e5m2},
    {"torch.float8_e5m2fnuz", "", 8, 1, Element::f8_e5m2fnuz},
    {"torch.float8_e8m0fnu", "", 8, 1, {}},
    {"torch.float4_e2m1fn_x2", "", 8, 1, {}},
    {"torch.bits8", "", 8, 1, {}},
    {"torch.bits16", "", 16, 2, {}},
    {"torch.bits1x8", "", 8, 1, {}},
    {"torch.bits2x4", "", 8, 1, {}},
    {"torch.bits4x2", "", 8, 1, {}},
    {"torch.uint1", "", 8, 1, {}},
    {"torch.uint2", "", 8, 1, {}},
    {"torch.uint3", "", 8, 1, {}},
    {"torch.uint4", "", 8, 1, {}},
    {"torch.uint5", "", 8, 1, {}},
    {"torch.uint6", "", 8, 1, {}},
    {"torch.uint7", "", 8, 1, {}},
    {"torch.int1", "", 8, 1, {}},
    {"torch.int2", "", 8, 1, {}},
    {"torch.int3", "", 8, 1, {}},
    {"torch.int4", "", 8, 1, {}},
    {"torch.int5", "", 8, 1, {}},
    {"torch.int6", "", 8, 1, {}},
    {"torch.int7", "", 8, 1, {}},
}};

const TorchType* find(std::string_view name, std::string_view TorchType::*member) {
    const auto found = std::ranges::find(kTypes, name, member);
    return name.empty() || found == kTypes.end() ? nullptr : &*found;
}

}  // namespace

const TorchType* find_torch_dtype(std::string_view dtype) { return find(dtype, &TorchType::dtype); }

const TorchType* find_torch_storage(std::string_view storage) { return find(storage, &TorchType::storage); }

bool is_quint8(const TorchType& type) { return type.dtype == "torch.quint8"; }

bool is_qint8(const TorchType& type) { return type.dtype == "torch.qint8"; }

bool is_quint4x2(const TorchType& type) { return type.dtype == "torch.quint4x2"; }

}  // namespace rowpool::tools
