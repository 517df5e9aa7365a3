"""What both sides look up: rows in 2 MiB pages, ids that no cache learns, and memory for results."""
import mmap

import numpy as np

from sizes import MIB

FLOATS = {"f32": np.float32, "f16": np.float16, "bf16": np.uint16}
# Bits of a code, type of scale and bias, whether these come before the codes.
CODED = {"int8": (8, np.float32, False), "int4": (4, np.float16, False), "tbe-int8": (8, np.float16, True),
         "tbe-int4": (4, np.float16, True)}
DISTINCT_ROWS = 4093


def huge_pages(size):
    """Zeroed bytes that the system was asked to back with 2 MiB pages, so that page walks do not hide the lookups."""
    memory = mmap.mmap(-1, size + 4 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    whole = np.frombuffer(memory, np.uint8)
    start = -whole.ctypes.data % (2 * MIB)
    return whole[start:start + size]


def result_buffer(rows, columns, dtype):
    """What rowpool writes to. It begins at a cache line, as PyTorch's results do and NumPy's need not."""
    size = rows * columns * np.dtype(dtype).itemsize
    memory = np.empty(size + 63, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start:start + size].view(dtype).reshape(rows, columns)


def row_width(format, dim):
    """Elements of the array that holds one row."""
    if format in FLOATS:
        return dim
    bits, qparams, _ = CODED[format]
    return dim * bits // 8 + 2 * np.dtype(qparams).itemsize


def row_bytes(format, dim):
    return row_width(format, dim) * np.dtype(FLOATS.get(format, np.uint8)).itemsize


def result_type(format):
    """Of PyTorch's results: that of the table, f32 for codes."""
    return FLOATS.get(format, np.float32)


def random_rows(rng, format, rows, dim):
    """Rows of values in about [-1, 1): floats, or codes with a scale and a bias that differ from row to row."""
    if format == "bf16":
        return (random_rows(rng, "f32", rows, dim).view(np.uint32) >> 16).astype(np.uint16)
    if format in FLOATS:
        return (rng.random((rows, dim), np.float32) * 2 - 1).astype(FLOATS[format])
    bits, dtype, first = CODED[format]
    codes = rng.integers(0, 256, (rows, dim * bits // 8), np.uint8)
    scale = rng.uniform(1, 2, (rows, 1)) / (2 ** bits - 1)
    qparams = np.concatenate([scale, -rng.random((rows, 1))], axis=1).astype(dtype).view(np.uint8)
    return np.concatenate([qparams, codes] if first else [codes, qparams], axis=1)


def decoded(format, rows):
    """The values of rows, as float64."""
    if format == "bf16":
        return (rows.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    if format in FLOATS:
        return rows.astype(np.float64)
    bits, dtype, first = CODED[format]
    width = 2 * np.dtype(dtype).itemsize
    qparams, codes = (rows[:, :width], rows[:, width:]) if first else (rows[:, -width:], rows[:, :-width])
    scale, bias = np.ascontiguousarray(qparams).view(dtype).astype(np.float64).T[:, :, None]
    if bits == 4:
        codes = np.stack([codes & 15, codes >> 4], axis=2).reshape(len(codes), -1)
    return codes * scale + bias


def fill(rng, memory, format, rows, dim):
    """A table at the start of the memory. Its rows repeat after a prime number of them, which no lookup notices."""
    pattern = random_rows(rng, format, min(rows, DISTINCT_ROWS), dim)
    width = row_width(format, dim)
    table = memory[:rows * width * pattern.itemsize].view(pattern.dtype).reshape(rows, width)
    for first in range(0, rows, len(pattern)):
        table[first:first + len(pattern)] = pattern[:rows - first]
    return table


def ids(rng, rows, count, zipf=None):
    """Ids in [0, rows): uniform, or with a Zipf exponent and the frequent ones scattered over the table."""
    if zipf is None:
        return rng.integers(0, rows, count, np.int32)
    power = 1 - zipf
    uniform = rng.random(count)
    ranks = rows ** uniform if power == 0 else ((rows ** power - 1) * uniform + 1) ** (1 / power)
    return ((ranks.astype(np.int64) - 1) * 2654435761 % rows).astype(np.int32)
