"""What PyTorch and NumPy do with the lookups of one table: a function a peer, from a shape and its data to a side."""
import numpy as np
import torch
import torch.nn.functional as F

from pairs import Side
from workload import result_buffer, result_type

QUANTIZED = {"int8": torch.ops.quantized.embedding_bag_byte_rowwise_offsets,
             "int4": torch.ops.quantized.embedding_bag_4bit_rowwise_offsets}
MODES = {"sum": 0, "weighted": 0, "mean": 1}


def as_tensor(rows, format):
    tensor = torch.from_numpy(rows)
    return tensor.view(torch.bfloat16) if format == "bf16" else tensor


def as_tensors(arrays):
    return [torch.from_numpy(array) for array in arrays]


def weights_of(data, dtype):
    return None if data.weights is None else torch.from_numpy(data.weights).to(dtype)


def quantized(shape, data):
    """The operators that sum rows of codes; there is no mean of them."""
    op, table, offsets = QUANTIZED[shape.format], torch.from_numpy(data.rows), torch.from_numpy(data.offsets)
    weights = weights_of(data, torch.float32)
    return lambda indices: op(table, indices, offsets, mode=0, per_sample_weights=weights, include_last_offset=True)


def floats(shape, data):
    """The operator below torch.nn.functional, whose Python takes as long as some hundred rows."""
    table, offsets, mode = as_tensor(data.rows, shape.format), torch.from_numpy(data.offsets), MODES[shape.pooling]
    weights = weights_of(data, table.dtype)
    return lambda indices: torch.embedding_bag(table, indices, offsets, False, mode, False, weights, True)[0]


def torch_operator(shape, data):
    call = quantized if shape.format in QUANTIZED else floats
    return Side(call(shape, data), as_tensors(data.indices))


def torch_functional(shape, data):
    """As most models call it."""
    if shape.format in QUANTIZED:
        return torch_operator(shape, data)
    table, offsets = as_tensor(data.rows, shape.format), torch.from_numpy(data.offsets)
    return Side(lambda indices: F.embedding_bag(indices, table, offsets, mode=shape.pooling, include_last_offset=True),
                as_tensors(data.indices))


def numpy_sum(_, data):
    return Side(lambda indices: np.add.reduceat(data.rows[indices], data.offsets[:-1], axis=0), data.indices)


def functional_embedding(shape, data):
    table = as_tensor(data.rows, shape.format)
    return Side(lambda indices: F.embedding(indices, table), as_tensors(data.indices))


def index_select(shape, data):
    table = as_tensor(data.rows, shape.format)
    out = as_tensor(result_buffer(shape.lookups, shape.dim, result_type(shape.format)), shape.format)
    return Side(lambda indices: torch.index_select(table, 0, indices, out=out), as_tensors(data.indices))


def numpy_take(shape, data):
    """A loop of memcpy; "clip" spares it a copy of the result, which it makes to leave `out` alone after an error."""
    out = result_buffer(shape.lookups, shape.dim, result_type(shape.format))
    return Side(lambda indices: np.take(data.rows, indices, axis=0, out=out, mode="clip"), data.indices)


SIDES = {"torch": torch_operator, "functional": torch_functional, "numpy": numpy_sum, "embedding": functional_embedding,
         "index_select": index_select, "take": numpy_take}
