"""Whole requests in the shape of DLRM-DCNv2: rowpool's engine against FBGEMM's table batched embeddings (TBE) and
against a loop over PyTorch's quantized operator."""
import functools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, NamedTuple

import numpy as np
import rowpool
import torch

from checks import check_bags
from pairs import MIN_PAIRS, Side, Stretch, best_of, measure, parallel_stretch
from report import Case, latencies, result
from workload import DLRM_DIM, DLRM_LOOKUPS, DLRM_ROWS, fill, huge_pages, request, result_buffer, row_width

LOOKUPS = sum(DLRM_LOOKUPS)
FORMATS = {"tbe": "tbe-int8", "tbe-module": "tbe-int8", "torch": "int8"}
SETS = {1: 256, 64: 64, 512: 24}
TABLE_ALIGNMENT = 128  # of TBE
MIN_LATENCY_PAIRS = 5000


@functools.lru_cache(maxsize=1)
def tables(cap, format):
    """All tables in one piece of memory, as TBE wants them, and each one's rows in it."""
    rng = np.random.default_rng(cap)
    counts = [min(rows, cap) for rows in DLRM_ROWS]
    width = row_width(format, DLRM_DIM)
    sizes = [-(-rows * width // TABLE_ALIGNMENT) * TABLE_ALIGNMENT for rows in counts]
    starts = np.cumsum([0] + sizes)
    memory = huge_pages(int(starts[-1]))
    return memory, [fill(rng, memory[start:], format, rows, DLRM_DIM) for start, rows in zip(starts, counts)]


class Tbe:
    """FBGEMM's operator over the same rows. `call` is the operator alone, as a server without Python would call it,
    `module` the Python module around it. Neither checks offsets; the operator checks ids itself."""

    def __init__(self, memory, counts):
        from fbgemm_gpu.split_embedding_configs import SparseType
        from fbgemm_gpu.split_table_batched_embeddings_ops_common import BoundsCheckMode, EmbeddingLocation
        from fbgemm_gpu.split_table_batched_embeddings_ops_inference import IntNBitTableBatchedEmbeddingBagsCodegen
        specs = [("", rows, DLRM_DIM, SparseType.INT8, EmbeddingLocation.HOST) for rows in counts]
        self.module = IntNBitTableBatchedEmbeddingBagsCodegen(
            specs, output_dtype=SparseType.FP32, device="cpu", bounds_check_mode=BoundsCheckMode.NONE)
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


def torch_loop(rows):
    """One call of the operator a table; the results stay apart, which spares it a copy."""
    op, weights = torch.ops.quantized.embedding_bag_byte_rowwise_offsets, [torch.from_numpy(table) for table in rows]

    def call(given):
        return [op(weight, indices, offsets, mode=0, include_last_offset=True)
                for weight, (indices, offsets) in zip(weights, given)]
    return call


def as_tensors(given):
    return tuple(map(torch.from_numpy, given))


def by_table(given):
    """A request cut into one call a table, ahead of time."""
    indices, offsets = given
    batch = (len(offsets) - 1) // len(DLRM_LOOKUPS)
    bounds = [offsets[f * batch:(f + 1) * batch + 1] for f in range(len(DLRM_LOOKUPS))]
    return [as_tensors((indices[own[0]:own[-1]], own - own[0])) for own in bounds]


def halves(given):
    """A request of a batch as two of half the batch, ahead of time."""
    indices, offsets = given
    ends = offsets[1:].reshape(len(DLRM_LOOKUPS), 2, -1)
    lengths = np.diff(offsets).reshape(ends.shape)
    starts = ends - lengths
    both = []
    for half in range(2):
        own = [indices[starts[f, half, 0]:ends[f, half, -1]] for f in range(len(DLRM_LOOKUPS))]
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


def peer_settings(call, prepare, requests, threads):
    """The ways in which a peer can use that many threads. The wheel's TBE is compiled without OpenMP, so a call of it
    stays on one thread; two callers with half of the batch each are what it has."""
    whole = Side(call, [prepare(given) for given in requests])
    settings = [Setting("torch threads 1", 1, whole, joined)]
    if threads == 2:
        split = [[prepare(half) for half in halves(given)] for given in requests]
        both = Side(lambda given: list(callers().map(call, given)), split)
        settings.append(Setting("torch threads 2", 2, whole, joined))
        settings.append(Setting("two callers", 1, both, lambda results: torch.cat([joined(half) for half in results])))
    return settings


def best_setting(settings, stretch):
    """The fastest setting; its number of torch threads is then in force."""
    def with_threads(setting):
        def call(given):
            torch.set_num_threads(setting.torch_threads)
            return setting.side.call(given)
        return Side(call, setting.side.inputs)

    sides = [with_threads(setting) for setting in settings]
    best = settings[best_of(sides, stretch) if len(sides) > 1 else 0]
    torch.set_num_threads(best.torch_threads)
    return best


def peer_call(peer, cap):
    """What a peer is called with, and how a request becomes that."""
    memory, rows = tables(cap, FORMATS[peer])
    if peer == "torch":
        return torch_loop(rows), by_table
    tbe = Tbe(memory, [len(table) for table in rows])
    return (lambda given: tbe.module(*given)) if peer == "tbe-module" else tbe.call, as_tensors


def rowpool_side(rows, format, requests, batch, threads):
    engine = rowpool.Engine(threads)
    model = rowpool.Model([(rowpool.Table(table, format), "sum") for table in rows])
    out = result_buffer(batch, model.total_dim, np.float32)
    return Side(lambda given: engine.pool(model, *given, out=out), requests)


def check(format, rows, given, ours, theirs):
    """All columns against the peer, and the first bags of each table against their definition."""
    indices, offsets = given
    batch = (len(offsets) - 1) // len(rows)
    for f, table in enumerate(rows):
        columns = slice(f * DLRM_DIM, (f + 1) * DLRM_DIM)
        bags = offsets[f * batch:(f + 1) * batch + 1]
        check_bags(format, table, indices, bags, ours[:, columns], theirs[:, columns])


def run(case, peer, cap, batch, threads, options):
    """Checks both sides on one request, finds the peer's best setting, then times them."""
    format = FORMATS[peer]
    rng = np.random.default_rng(batch)
    rows = tables(cap, format)[1]
    requests = [request(rng, [len(table) for table in rows], batch, options.zipf) for _ in range(SETS[batch])]
    ours = rowpool_side(rows, format, requests, batch, threads)
    call, prepare = peer_call(peer, cap)
    settings = peer_settings(call, prepare, requests, threads)
    for setting in settings:
        theirs = setting.join(setting.side.call(setting.side.inputs[0]))
        check(format, rows, requests[0], ours.call(requests[0]), theirs)
    clock = time.perf_counter_ns if batch == 1 else time.thread_time_ns
    stretch = Stretch(clock) if threads == 1 else parallel_stretch(ours)
    setting = best_setting(settings, stretch)
    pairs = measure(ours, setting.side, stretch, options.seconds, MIN_LATENCY_PAIRS if batch == 1 else MIN_PAIRS)
    torch.set_num_threads(1)
    return result(case, pairs, LOOKUPS * batch, peer=peer, threads=threads, setting=setting.name,
                  **(latencies(pairs) if batch == 1 else {}))


def named(options):
    """Requests of batches, and the latency of single samples whose tables are in the cache."""
    cap, batches = (100_000, [64]) if options.quick else (1_000_000, [64, 512])
    wanted = [("request", peer, cap, batch, threads)
              for peer in ("tbe", "torch") for batch in batches for threads in (1, 2)]
    wanted += [("latency", peer, 250, 1, 1) for peer in ("tbe", "tbe-module")]
    for group, peer, rows, batch, threads in wanted:
        name = f"{group}/dlrm:{rows}/batch:{batch}/threads:{threads}/{peer}"
        yield Case(name, functools.partial(run, name, peer, rows, batch, threads, options))


GRIDS = {"named": named}


def cases(found, _):
    return list(found)
