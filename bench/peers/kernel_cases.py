"""One table, sums of 20 rows a bag, one thread: rowpool against PyTorch's operators, and against NumPy for scale."""
import functools
import time

import numpy as np
import rowpool
import torch
import torch.nn.functional as F

from checks import check_sums
from pairs import Side, Stretch, measure
from report import Case, result
from workload import FLOATS, MIB, fill, huge_pages, ids, result_buffer, row_width

FORMATS = ["int8", "int4", "f16", "f32", "bf16"]
DIMS = [32, 64, 128, 256]
# Bytes of the table, and how many calls go by before ids repeat: for the large ones, enough to fill the last-level
# cache several times over.
PLACES = {"L1": (MIB // 32, 16), "L2": (MIB // 2, 16), "L3": (16 * MIB, 32), "DRAM": (256 * MIB, 64),
          "4GiB": (4096 * MIB, 64)}
BATCH, BAG = 1024, 20
LOOKUPS = BATCH * BAG
OFFSETS = np.arange(0, LOOKUPS + 1, BAG, dtype=np.int32)
QUANTIZED = {"int8": torch.ops.quantized.embedding_bag_byte_rowwise_offsets,
             "int4": torch.ops.quantized.embedding_bag_4bit_rowwise_offsets}


@functools.lru_cache(maxsize=1)
def table_memory(large):
    """One piece for the tables of all cases, one after the other."""
    return huge_pages(PLACES["4GiB" if large else "DRAM"][0])


def as_tensor(rows, format):
    tensor = torch.from_numpy(rows)
    return tensor.view(torch.bfloat16) if format == "bf16" else tensor


def rowpool_sum(rows, format, dim):
    """Into a buffer of the table's own element type, as PyTorch's result is; f32 for codes."""
    table = rowpool.Table(rows, format)
    out = result_buffer(BATCH, dim, FLOATS.get(format, np.float32))
    return lambda indices: rowpool.pool(table, indices, OFFSETS, mode="sum", out=out)


def torch_sum(rows, format):
    """int32 indices and offsets: the same speed as int64 ones here, within noise, and half the bytes."""
    table, offsets = as_tensor(rows, format), torch.from_numpy(OFFSETS)
    if format in QUANTIZED:
        op = QUANTIZED[format]
        return lambda indices: op(table, indices, offsets, mode=0, include_last_offset=True)
    return lambda indices: F.embedding_bag(indices, table, offsets, mode="sum", include_last_offset=True)


def numpy_sum(rows):
    return lambda indices: np.add.reduceat(rows[indices], OFFSETS[:-1], axis=0)


def run(case, format, dim, place, peer, options):
    """Checks both sides on one set of ids, then times them."""
    size, sets = PLACES[place]
    rng = np.random.default_rng(dim)
    count = size // (row_width(format, dim) * np.dtype(FLOATS.get(format, np.uint8)).itemsize)
    rows = fill(rng, table_memory(options.large), format, count, dim)
    indices = list(ids(rng, count, sets * LOOKUPS, options.zipf).reshape(sets, LOOKUPS))
    ours = Side(rowpool_sum(rows, format, dim), indices)
    if peer == "numpy":
        theirs = Side(numpy_sum(rows), indices)
    else:
        theirs = Side(torch_sum(rows, format), [torch.from_numpy(given) for given in indices])
    check_sums(format, rows, indices[0], OFFSETS, ours.call(indices[0]), theirs.call(theirs.inputs[0]))
    pairs = measure(ours, theirs, Stretch(time.thread_time_ns), options.seconds)
    return result(case, pairs, LOOKUPS, format=format, dim=dim, place=place, peer=peer)


def cases(options):
    """Every format and dim in every place; NumPy for a few."""
    places = ["L2", "DRAM"] if options.quick else [place for place in PLACES if place != "4GiB" or options.large]
    dims = [64] if options.quick else DIMS
    kernels = [("kernel", format, dim, place, "torch") for format in FORMATS for dim in dims for place in places]
    naive = [("numpy", "f32", dim, place, "numpy") for dim in dims[:3:2] for place in ("L2", "DRAM")]
    for group, format, dim, place, peer in kernels + naive:
        name = f"{group}/{format}/dim:{dim}/{place}"
        yield Case(name, functools.partial(run, name, format, dim, place, peer, options))
