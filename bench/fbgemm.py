#!/usr/bin/env python3
"""Times FBGEMM's kernels, as PyTorch calls them, on what pool/<format>/dim:<d>/bag:20/<place> of rowpool_bench looks up.

usage: python3 bench/fbgemm.py    (needs torch; one thread; prints ns of processor time a row, a median over calls)
"""
import mmap
import statistics
import time

import torch

MIB = 1 << 20
BAG = 20
# name, bytes of the table, lookups in a call, calls before ids repeat. A call has more lookups than rowpool_bench's, so
# that the microseconds PyTorch takes to start one do not count.
PLACES = [("L2", MIB // 2, 40000, 16), ("L3", 16 * MIB, 40000, 16), ("DRAM", 256 * MIB, 40000, 32)]
OPS = torch.ops.quantized
FORMATS = {"int8": (OPS.embedding_bag_byte_prepack, OPS.embedding_bag_byte_rowwise_offsets),
           "int4": (OPS.embedding_bag_4bit_prepack, OPS.embedding_bag_4bit_rowwise_offsets)}


def filled_table(prepack, dim, size):
    """A packed table of about `size` bytes in 2 MiB pages."""
    pattern = prepack(torch.rand(4093, dim) * 2 - 1)
    rows, width = size // pattern.shape[1], pattern.shape[1]
    memory = mmap.mmap(-1, size + 4 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    start = -torch.frombuffer(memory, dtype=torch.uint8, count=1).data_ptr() % (2 * MIB)
    table = torch.frombuffer(memory, dtype=torch.uint8, offset=start, count=rows * width).view(rows, width)
    for first in range(0, rows, len(pattern)):
        table[first:first + len(pattern)] = pattern[:rows - first]
    return table


def ns_a_row(pool, table, lookups, sets):
    ids = torch.randint(len(table), (sets, lookups), dtype=torch.int32)
    offsets = torch.arange(0, lookups + 1, BAG, dtype=torch.int32)
    samples = []
    for call in range(3 * sets):
        start = time.thread_time_ns()
        pool(table, ids[call % sets], offsets, mode=0, include_last_offset=True)
        samples.append((time.thread_time_ns() - start) / lookups)
    return statistics.median(samples)


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    with torch.inference_mode():
        for name, (prepack, pool) in FORMATS.items():
            for dim in (32, 64, 128, 256):
                for place, size, lookups, sets in PLACES:
                    table = filled_table(prepack, dim, size)
                    print(f"pool/{name}/dim:{dim}/bag:{BAG}/{place} {ns_a_row(pool, table, lookups, sets):.2f} ns_row",
                          flush=True)


main()
