#!/usr/bin/env python3
"""Compares training steps of rowpool with PyTorch and FBGEMM: ./dev bench --training [OPTION]...

A step is forward, backward and update of all tables of a model, f32, pooled by sum, with a given gradient of the output
and another batch each time. Both sides begin with the same rows; after three steps their rows are compared. Then they
are timed in turns, by the wall clock. The ratio is the median over the pairs of peer / rowpool: above 1, rowpool is
faster. Peers: torch is nn.EmbeddingBag(sparse=True) with the optimizer of torch.optim; tbe is FBGEMM's table batched
embeddings for training (SplitTableBatchedEmbeddingBagsCodegen), forward, backward and update in one operator. limit is
the memory that a step must move, moved on one thread: the rows of all lookups read, each row with a lookup and its state
read and written once. Its ratio is the share of that speed which rowpool reaches, backward and arithmetic included.

    models            rmc1 and DLRM-DCNv2, tables of at most --rows rows
    --random N        N random models of one table from --seed: dim 4-1,024, bags of 1-50, uniform or Zipf ids
"""
import argparse
import ctypes
import os
import random
import sys
import time
import warnings
from typing import NamedTuple

import numpy as np
import torch

from pairs import Side, Stretch, measure
from request_grids import CRITEO_ROWS, DCN_DIM, DCN_LOOKUPS
from table_grids import ZIPF
from workload import ids

STATE_DIM = {"sparse_adam": lambda dim: 2 * dim, "adagrad": lambda dim: dim, "row_wise_adagrad": lambda dim: 1}
RULES = {"sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad, "sparse_adam": torch.optim.SparseAdam}
LR = 0.01
BATCHES = 4


class Model(NamedTuple):
    """Tables as (rows, lookups a bag), all of one dim; ids are uniform where zipf is None."""
    name: str
    dim: int
    tables: tuple
    batch: int
    zipf: float | None


class Batch(NamedTuple):
    """What a step is given: by table, and as tensors of all tables for TBE."""
    indices: list
    offsets: list
    grads: list
    all_indices: torch.Tensor
    all_offsets: torch.Tensor
    all_grads: torch.Tensor


def models(options):
    cap = options.rows
    rmc1 = tuple((min(4_000_000, cap), 80) for _ in range(8))
    dlrm = tuple((min(rows, cap), lookups) for rows, lookups in zip(CRITEO_ROWS, DCN_LOOKUPS))
    for batch in (64, 512):
        yield Model(f"rmc1/rows:{cap}/batch:{batch}", 32, rmc1, batch, ZIPF)
        yield Model(f"dlrm-dcnv2/rows:{cap}/batch:{batch}", DCN_DIM, dlrm, batch, ZIPF)


def random_models(options):
    choose = random.Random(options.seed)
    for number in range(options.random):
        dim = round(4 * 256 ** choose.random())
        rows = round(1000 * 300 ** choose.random())
        rows = max(100, min(rows, 256_000_000 // (4 * dim)))
        bag = round(50 ** choose.random())
        batch = max(1, round(400 * 50 ** choose.random()) // bag)
        zipf = choose.choice([None, ZIPF])
        yield Model(f"random/{options.seed}:{number}/dim:{dim}/rows:{rows}/bag:{bag}/batch:{batch}/"
                    f"{'uniform' if zipf is None else 'zipf'}", dim, ((rows, bag),), batch, zipf)


def draw(model, generator):
    indices = [torch.from_numpy(ids(generator, rows, model.batch * lookups, model.zipf).astype(np.int64))
               for rows, lookups in model.tables]
    offsets = [torch.arange(0, model.batch * lookups + 1, lookups) for _, lookups in model.tables]
    all_grads = torch.randn(model.batch, len(model.tables) * model.dim)
    grads = [part.contiguous() for part in all_grads.split(model.dim, dim=1)]
    begins = np.cumsum([0] + [len(ids) for ids in indices])
    starts = [ends[:-1] + begin for ends, begin in zip(offsets, begins)]
    all_offsets = torch.cat(starts + [torch.tensor([begins[-1]])])
    return Batch(indices, offsets, grads, torch.cat(indices), all_offsets, all_grads)


class Ours:
    def __init__(self, library, model, rows, rule, threads):
        self.library, self.model = library, model
        self.handle = ctypes.c_void_p(library.rowpool_model(ctypes.c_size_t(threads)))
        for table in rows:
            if not library.rowpool_add_table(self.handle, pointer(table), size(len(table)), size(model.dim),
                                             rule.encode(), ctypes.c_double(LR)):
                sys.exit("rowpool refused a table")
        self.outs = [torch.empty(model.batch, model.dim) for _ in rows]

    def prepared(self, batch):
        pointers = ctypes.c_void_p * len(self.outs)
        lists = [pointers(*(tensor.data_ptr() for tensor in tensors))
                 for tensors in (batch.indices, batch.offsets, batch.grads, self.outs)]
        return batch, lists

    def step(self, prepared):
        indices, offsets, grads, outs = prepared[1]
        if not self.library.rowpool_train(self.handle, indices, offsets, ctypes.c_size_t(self.model.batch), grads, outs):
            sys.exit("rowpool refused a step")

    def rows(self):
        found = [torch.empty(rows, self.model.dim) for rows, _ in self.model.tables]
        for table, out in enumerate(found):
            self.library.rowpool_rows(self.handle, ctypes.c_size_t(table), ctypes.c_void_p(out.data_ptr()))
        return found

    def close(self):
        self.library.rowpool_free(self.handle)


class Torch:
    def __init__(self, model, rows, rule):
        self.bags = [torch.nn.EmbeddingBag.from_pretrained(table.clone(), freeze=False, mode="sum", sparse=True,
                                                           include_last_offset=True) for table in rows]
        self.optimizer = RULES[rule]([bag.weight for bag in self.bags], lr=LR)

    def prepared(self, batch):
        return batch

    def step(self, batch):
        outs = [bag(ids, ends) for bag, ids, ends in zip(self.bags, batch.indices, batch.offsets)]
        torch.autograd.backward(outs, batch.grads)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def rows(self):
        return [bag.weight.detach() for bag in self.bags]


class Tbe:
    def __init__(self, model, rows, rule):
        from fbgemm_gpu.split_embedding_configs import EmbOptimType
        from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation
        from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
            ComputeDevice, SplitTableBatchedEmbeddingBagsCodegen)
        optimizer = {"row_wise_adagrad": EmbOptimType.EXACT_ROWWISE_ADAGRAD, "sgd": EmbOptimType.EXACT_SGD}[rule]
        self.tbe = SplitTableBatchedEmbeddingBagsCodegen(
            [(len(table), model.dim, EmbeddingLocation.HOST, ComputeDevice.CPU) for table in rows],
            optimizer=optimizer, learning_rate=LR, eps=1e-8)
        for own, table in zip(self.tbe.split_embedding_weights(), rows):
            own.data.copy_(table)

    def prepared(self, batch):
        return batch

    def step(self, batch):
        self.tbe(batch.all_indices, batch.all_offsets).backward(batch.all_grads)

    def rows(self):
        return self.tbe.split_embedding_weights()


class Limit:
    """The memory of a step; no rows come of it."""

    def __init__(self, library, model, rows, rule):
        self.library, self.model = library, model
        self.tables = [(table.clone(), torch.zeros(len(table), STATE_DIM[rule](model.dim))) for table in rows]
        self.out = torch.empty(model.batch, model.dim)

    def prepared(self, batch):
        """The arguments of a call a table, and the rows with a lookup, which they point to."""
        numbers = [torch.unique(indices) for indices in batch.indices]
        calls = [(pointer(rows), size(self.model.dim), pointer(state), size(state.shape[1]), pointer(indices),
                  pointer(offsets), size(self.model.batch), pointer(unique), size(len(unique)), pointer(grads),
                  pointer(self.out))
                 for (rows, state), indices, offsets, grads, unique in zip(self.tables, batch.indices, batch.offsets,
                                                                           batch.grads, numbers)]
        return calls, numbers

    def step(self, prepared):
        for arguments in prepared[0]:
            self.library.rowpool_move(*arguments)

    def rows(self):
        return []


def pointer(tensor):
    return ctypes.c_void_p(tensor.data_ptr())


def size(number):
    return ctypes.c_size_t(number)


def make_peer(peer, library, model, rows, rule):
    if peer == "limit":
        return Limit(library, model, rows, rule)
    return {"torch": Torch, "tbe": Tbe}[peer](model, rows, rule)


def threads_of(peer, options):
    """How many threads are compared with a peer: random models with the first number only, and a limit
    is that of one thread."""
    if peer == "limit":
        return [1]
    return options.threads[:1] if options.random else options.threads


def compare(library, model, rule, peer, threads, options):
    """Prints a line; returns the ratio, or nothing when results differ."""
    generator = np.random.default_rng(options.seed)
    torch.manual_seed(options.seed)
    rows = [torch.randn(count, model.dim) for count, _ in model.tables]
    batches = [draw(model, generator) for _ in range(BATCHES)]
    torch.set_num_threads(threads)
    ours = Ours(library, model, rows, rule, threads)
    theirs = make_peer(peer, library, model, rows, rule)
    del rows
    sides = [Side(side.step, [side.prepared(batch) for batch in batches]) for side in (ours, theirs)]
    for batch in range(3):
        for side in sides:
            side.call(side.inputs[batch])
    name = f"{model.name}/{rule}/threads:{threads}/{peer}"
    for found, wanted in zip(ours.rows(), theirs.rows()):
        if not torch.allclose(found, wanted, rtol=1e-4, atol=1e-4):
            print(f"{name}: the rows differ by {(found - wanted).abs().max():.3g}", flush=True)
            ours.close()
            return None
    one = max(time_of(side) for side in sides)
    stretch = Stretch(time.perf_counter_ns, max(1, int(5e6 / one)))
    pairs = measure(*sides, stretch, options.seconds, 11)
    ours.close()
    lookups = model.batch * sum(count for _, count in model.tables)
    low, ratio, high = np.percentile(pairs.ratios, [25, 50, 75])
    print(f"{name:75} {ratio:6.2f} ({low:.2f}-{high:.2f})  "
          f"{np.median(pairs.ours) / lookups:8.1f} / {np.median(pairs.theirs) / lookups:8.1f} ns a row", flush=True)
    return ratio


def time_of(side):
    start = time.perf_counter_ns()
    side.call(side.inputs[0])
    return time.perf_counter_ns() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000, help="most rows of a table (200,000)")
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1, help="time for each line")
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--peers", nargs="*", default=["torch", "tbe"])
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    library = ctypes.CDLL(os.environ["ROWPOOL_TRAINING_SHIM"])
    library.rowpool_model.restype = ctypes.c_void_p
    library.rowpool_add_table.restype = library.rowpool_train.restype = ctypes.c_bool
    rules = {"torch": ["sparse_adam", "adagrad"], "tbe": ["row_wise_adagrad"], "limit": list(STATE_DIM)}
    ratios = {}
    for model in random_models(options) if options.random else models(options):
        for peer in options.peers:
            for rule in rules[peer]:
                for threads in threads_of(peer, options):
                    ratio = compare(library, model, rule, peer, threads, options)
                    ratios.setdefault(f"{peer}/{rule}", []).append(ratio)
    for name, found in ratios.items():
        right = [ratio for ratio in found if ratio is not None]
        if right:
            print(f"{name}: geometric mean {np.exp(np.mean(np.log(right))):.2f}, least {min(right):.2f}, "
                  f"{sum(ratio < 1 for ratio in right)} of {len(right)} below 1")
    return 1 if any(None in found for found in ratios.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
