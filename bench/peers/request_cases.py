"""Whole requests: their tables and ids, rowpool's engine, the check of both sides and their timing."""
import functools
import time

import numpy as np
import rowpool
import torch

import other_peers
import request_peers
from checks import check_bags
from pairs import MIN_PAIRS, Side, Stretch, measure, parallel_stretch, serial_stretch, with_caches_overwritten
from report import Case, latencies, result
from workload import fill, huge_pages, ids, result_buffer, row_bytes

TABLE_ALIGNMENT = 128  # of TBE
MIN_LATENCY_PAIRS = 5000


@functools.lru_cache(maxsize=1)
def tables(shapes):
    """All tables in one piece of memory, as TBE wants them, and each one's rows in it. Requests that differ in ids only
    share them."""
    rng = np.random.default_rng(len(shapes))
    sizes = [-(-rows * row_bytes(format, dim) // TABLE_ALIGNMENT) * TABLE_ALIGNMENT for format, dim, rows in shapes]
    starts = np.cumsum([0] + sizes)
    memory = huge_pages(int(starts[-1]))
    return memory, [fill(rng, memory[start:], format, rows, dim)
                    for start, (format, dim, rows) in zip(starts, shapes)]


def draw(rng, request):
    """Indices of all features one after the other, and offsets, feature-major."""
    features, batch = request.features, request.batch
    indices = [ids(rng, feature.rows, batch * feature.lookups, request.zipf) for feature in features]
    offsets = np.zeros(len(features) * batch + 1, np.int32)
    np.cumsum(np.repeat([feature.lookups for feature in features], batch), out=offsets[1:])
    return np.concatenate(indices), offsets


def rowpool_side(request, rows, given, threads):
    engine = rowpool.Engine(threads)
    model = rowpool.Model([(rowpool.Table(table, feature.format), request.pooling)
                           for table, feature in zip(rows, request.features)])
    out = result_buffer(request.batch, model.total_dim, np.float32)
    return Side(lambda each: engine.pool(model, *each, out=out), given)


def check(request, rows, given, ours, theirs):
    """All columns against the peer, and the first bags of each table against their definition."""
    indices, offsets = given
    first = 0
    for f, (table, feature) in enumerate(zip(rows, request.features)):
        columns = slice(first, first + feature.dim)
        bags = offsets[f * request.batch:(f + 1) * request.batch + 1]
        check_bags(feature.format, table, indices, bags, ours[:, columns], theirs[:, columns], request.pooling)
        first += feature.dim


def stretch_of(cell, side):
    """A single sample is so short that only the wall clock is read quickly enough, and waits for nothing."""
    if cell.request.batch == 1:
        return Stretch(time.perf_counter_ns)
    return serial_stretch(side, other_peers.clock(cell.peer)) if cell.threads == 1 else parallel_stretch(side)


def run(cell, options):
    """Checks both sides on one request, finds the peer's best setting, then times them."""
    request, threads, single = cell.request, cell.threads, cell.request.batch == 1
    memory, rows = tables(tuple((feature.format, feature.dim, feature.rows) for feature in request.features))
    rng = np.random.default_rng(request.batch)
    given = [draw(rng, request) for _ in range(np.clip(2**20 // request.lookups, 24, 256))]
    ours = rowpool_side(request, rows, given, threads)
    call, prepare = request_peers.PEERS[cell.peer](request, memory, rows)
    found = request_peers.settings(call, prepare, len(request.features), given, threads)
    for setting in found:
        check(request, rows, given[0], ours.call(given[0]), setting.join(setting.side.call(setting.side.inputs[0])))
    stretch = with_caches_overwritten(stretch_of(cell, ours), cell.between)
    setting = request_peers.best_setting(found, stretch)
    pairs = measure(ours, setting.side, stretch, options.seconds, MIN_LATENCY_PAIRS if single else MIN_PAIRS)
    torch.set_num_threads(1)
    return result(cell.name, pairs, request.lookups, peer=cell.peer, threads=threads, setting=setting.name,
                  between=cell.between, **(latencies(pairs) if single else {}))


def cases(cells, options):
    return [Case(cell.name, functools.partial(run, cell, options)) for cell in cells]
