"""One table on one thread: its data, rowpool's side, the check of both sides and their timing."""
import functools
from typing import NamedTuple

import numpy as np
import rowpool

import other_peers
import table_peers
from checks import check_bags
from pairs import Side, measure, serial_stretch, with_caches_overwritten
from report import Case, result
from sizes import MIB
from workload import fill, huge_pages, ids, result_buffer, result_type, row_bytes

SIDES = table_peers.SIDES | other_peers.SIDES


class Data(NamedTuple):
    """A table, calls' worth of ids in turn, and what all calls have in common."""
    rows: np.ndarray
    indices: list
    offsets: np.ndarray
    weights: np.ndarray | None


@functools.lru_cache(maxsize=1)
def table_memory(large):
    """One piece for the tables of all cases, one after the other."""
    return huge_pages((4096 if large else 256) * MIB)


def lookups_before_repeat(size):
    """How many ids go by before they repeat: for large tables, enough to fill the last-level cache several times."""
    return 20480 * (16 if size < 2 * MIB else 32 if size < 64 * MIB else 64)


def draw(shape, memory):
    """Weights have few digits: PyTorch's have the type of the table, rowpool's are f32, and both shall be the same."""
    rng = np.random.default_rng(shape.dim)
    count = shape.size // row_bytes(shape.format, shape.dim)
    rows = fill(rng, memory, shape.format, count, shape.dim)
    sets = max(4, lookups_before_repeat(shape.size) // shape.lookups)
    indices = ids(rng, count, sets * shape.lookups, shape.zipf).astype(shape.index).reshape(sets, shape.lookups)
    weights = (rng.integers(64, 128, shape.lookups) / 128).astype(np.float32)
    weights = weights if shape.pooling == "weighted" else None
    return Data(rows, list(indices), np.arange(0, shape.lookups + 1, shape.bag, dtype=shape.index), weights)


def rowpool_side(shape, data):
    """Into one buffer, as a server would."""
    table = rowpool.Table(data.rows, shape.format)
    bags = {} if shape.pooling == "none" else {"offsets": data.offsets, "weights": data.weights}
    mode = "sum" if shape.pooling == "weighted" else shape.pooling
    out = result_buffer(shape.batch, shape.dim, result_type(shape.format))
    return Side(lambda indices: rowpool.pool(table, indices, mode=mode, out=out, **bags), data.indices)


def run(cell, options):
    """Checks both sides on one set of ids, then times them."""
    shape = cell.shape
    data = draw(shape, table_memory(options.large))
    ours, theirs = rowpool_side(shape, data), SIDES[cell.against](shape, data)
    check_bags(shape.format, data.rows, data.indices[0], data.offsets, ours.call(ours.inputs[0]),
               theirs.call(theirs.inputs[0]), shape.pooling, data.weights)
    stretch = with_caches_overwritten(serial_stretch(ours, other_peers.clock(cell.against)), cell.between)
    pairs = measure(ours, theirs, stretch, options.seconds)
    parameters = {"peer": cell.against, **shape._asdict(), "between": cell.between, **cell.labels}
    return result(cell.name, pairs, shape.lookups, **parameters)


def cases(cells, options):
    return [Case(cell.name, functools.partial(run, cell, options)) for cell in cells]
