"""What peers do with whole requests: FBGEMM's table batched embeddings (TBE), a loop over PyTorch's operator and AMD's
zentorch, and how they use two threads."""
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, NamedTuple

import numpy as np
import torch

from other_peers import needed
from pairs import Side, best_of


class Tbe:
    """FBGEMM's operator over the same rows. `call` is the operator alone, as a server without Python would call it,
    `module` the Python module around it. Neither checks offsets; the operator checks ids itself."""

    def __init__(self, request, memory):
        from fbgemm_gpu.split_embedding_configs import SparseType
        from fbgemm_gpu.split_table_batched_embeddings_ops_common import BoundsCheckMode, EmbeddingLocation, PoolingMode
        from fbgemm_gpu.split_table_batched_embeddings_ops_inference import IntNBitTableBatchedEmbeddingBagsCodegen
        types = {"tbe-int8": SparseType.INT8, "tbe-int4": SparseType.INT4, "f16": SparseType.FP16,
                 "f32": SparseType.FP32}
        specs = [("", feature.rows, feature.dim, types[feature.format], EmbeddingLocation.HOST)
                 for feature in request.features]
        self.module = IntNBitTableBatchedEmbeddingBagsCodegen(
            specs, pooling_mode=PoolingMode[request.pooling.upper()], output_dtype=SparseType.FP32, device="cpu",
            bounds_check_mode=BoundsCheckMode.NONE)
        self.module.initialize_weights()
        self.module.weights_host = torch.from_numpy(memory)
        self.call = self.operator()

    def operator(self):
        m, op = self.module, torch.ops.fbgemm.int_nbit_split_embedding_codegen_lookup_function.default
        before = (m.weights_host, m.weights_uvm, m.weights_placements, m.weights_offsets, m.weights_tys, m.D_offsets,
                  m.total_D, m.max_int2_D, m.max_int4_D, m.max_int8_D, m.max_float16_D, m.max_float32_D)
        after = (int(m.pooling_mode), None, m.output_dtype, m.lxu_cache_weights, torch.empty(0, dtype=torch.int32),
                 m.row_alignment, m.max_float8_D, m.fp8_exponent_bits, m.fp8_exponent_bias)
        return lambda given: op(*before, *given, *after)


def tbe(request, memory, _):
    return Tbe(request, memory).call, as_tensors


def tbe_module(request, memory, _):
    module = Tbe(request, memory).module
    return lambda given: module(*given), as_tensors


def torch_loop(request, _, rows):
    """One call of the operator a table; the results stay apart, which spares it a copy."""
    op, weights = torch.ops.quantized.embedding_bag_byte_rowwise_offsets, [torch.from_numpy(table) for table in rows]

    def call(given):
        return [op(weight, indices, offsets, mode=0, include_last_offset=True)
                for weight, (indices, offsets) in zip(weights, given)]
    return call, functools.partial(by_table, len(request.features))


def zentorch_group(request, _, rows):
    """All tables in one call."""
    needed("zentorch")
    count, coded = len(rows), request.features[0].format == "int4"
    op, weights = torch.ops.zentorch, [torch.from_numpy(table) for table in rows]
    tail = [[0] * count, [0] * count, [0] * count, [None] * count, [1] * count, [-1] * count]
    if coded:
        call = op.zentorch_horizontal_quant_embedding_bag_group.default
        weights, tail = [table.view(torch.int32) for table in weights], [4, torch.float32, *tail]
    else:
        call = op.zentorch_horizontal_embedding_bag_group.default
    return lambda given: call(weights, *given, *tail), lambda given: list(zip(*by_table(count, given)))


# From a request, the memory of its tables and each one's rows to what is called, and how ids and offsets become what it
# is called with.
PEERS = {"tbe": tbe, "tbe-module": tbe_module, "torch": torch_loop, "zentorch": zentorch_group}


def as_tensors(given):
    return tuple(map(torch.from_numpy, given))


def by_table(features, given):
    """A request cut into one call a table, ahead of time."""
    indices, offsets = given
    batch = (len(offsets) - 1) // features
    bounds = [offsets[f * batch:(f + 1) * batch + 1] for f in range(features)]
    return [as_tensors((indices[own[0]:own[-1]], own - own[0])) for own in bounds]


def halves(features, given):
    """A request of a batch as two of half the batch, ahead of time."""
    indices, offsets = given
    ends = offsets[1:].reshape(features, 2, -1)
    lengths = np.diff(offsets).reshape(ends.shape)
    starts = ends - lengths
    both = []
    for half in range(2):
        own = [indices[starts[f, half, 0]:ends[f, half, -1]] for f in range(features)]
        cut = np.concatenate([[0], np.cumsum(lengths[:, half])]).astype(np.int32)
        both.append((np.concatenate(own), cut))
    return both


@functools.lru_cache(maxsize=1)
def callers():
    return ThreadPoolExecutor(2)


class Setting(NamedTuple):
    """One way to run a peer, and how its results become one tensor [batch, columns] to check."""
    name: str
    torch_threads: int
    side: Side
    join: Callable[[Any], torch.Tensor]


def joined(results):
    """A loop's results side by side."""
    return torch.cat(results, dim=1) if isinstance(results, list) else results


def settings(call, prepare, features, given, threads):
    """The ways in which a peer can use that many threads. The wheel's TBE is compiled without OpenMP, so a call of it
    stays on one thread; two callers with half of the batch each are what it has."""
    whole = Side(call, [prepare(each) for each in given])
    found = [Setting("torch threads 1", 1, whole, joined)]
    if threads == 2:
        split = [[prepare(half) for half in halves(features, each)] for each in given]
        both = Side(lambda parts: list(callers().map(call, parts)), split)
        found.append(Setting("torch threads 2", 2, whole, joined))
        found.append(Setting("two callers", 1, both, lambda results: torch.cat([joined(half) for half in results])))
    return found


def best_setting(found, stretch):
    """The fastest setting; its number of torch threads is then in force."""
    def with_threads(setting):
        def call(given):
            torch.set_num_threads(setting.torch_threads)
            return setting.side.call(given)
        return Side(call, setting.side.inputs)

    sides = [with_threads(setting) for setting in found]
    best = found[best_of(sides, stretch) if len(sides) > 1 else 0]
    torch.set_num_threads(best.torch_threads)
    return best
