#!/usr/bin/env python3
"""The Python package: values against NumPy, for equality, and what it refuses. Needs NumPy; torch where it is there.

Tables hold small integers, and coded rows have scale 1 or 2, so that every sum is exact.
"""
import array
import gc
import json
import pathlib
import struct
import sys
import tempfile
import threading
import time
import unittest
import weakref

import numpy as np

import rowpool

ROWS, DIM = 50, 12
RNG = np.random.default_rng(7)
VALUES = RNG.integers(0, 16, (ROWS, DIM)).astype(np.float32)
LENGTHS = np.array([3, 0, 1, 20, 7], dtype=np.int64)
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])
INDICES = RNG.integers(0, ROWS, LENGTHS.sum())
WEIGHTS = RNG.integers(-3, 4, len(INDICES)).astype(np.float32)


def pooled(values=VALUES, weights=None, mode="sum", indices=INDICES, lengths=LENGTHS):
    """The definition, in float64."""
    out = np.zeros((len(lengths), values.shape[1]))
    for bag, (end, length) in enumerate(zip(np.cumsum(lengths), lengths)):
        rows = values[indices[end - length:end]].astype(np.float64)
        factors = np.ones(length) if weights is None else weights[end - length:end].astype(np.float64)
        if length and mode == "max":
            out[bag] = rows.max(axis=0)
        elif length:
            out[bag] = (rows * factors[:, None]).sum(axis=0)
            out[bag] /= {"sum": 1, "mean": length}[mode]
    return out.astype(np.float32)


def bfloat16(values):
    """The upper halves of floats, which hold small integers exactly."""
    return (values.view(np.uint32) >> 16).astype(np.uint16)


def coded(values, bits, halves, first):
    """Rows of codes with scale 2 and bias -1, whose values are 2 * values - 1."""
    codes = values.astype(np.uint8)
    if bits == 4:
        codes = codes[:, 0::2] | codes[:, 1::2] << 4
    qparams = np.array([2, -1], dtype=np.float16 if halves else np.float32).view(np.uint8)
    parts = [codes, np.tile(qparams, (len(values), 1))]
    return np.concatenate(parts[::-1] if first else parts, axis=1)


def safetensors(path, **tensors):
    """A file of float32 tensors."""
    header, data = {}, b""
    for name, values in tensors.items():
        end = len(data) + values.nbytes
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), end]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Case(unittest.TestCase):
    def equal(self, actual, expected):
        np.testing.assert_array_equal(np.asarray(actual), expected)

    def refused(self, error, message, call, *args, **kwargs):
        """The call raises that error, with one line of text that holds the message."""
        with self.assertRaises(error) as caught:
            call(*args, **kwargs)
        text = caught.exception.args[0]
        self.assertIn(message, text)
        self.assertNotIn("\n", text)


class Tables(Case):
    def test_float_rows(self):
        for rows, name in ((VALUES, "f32"), (VALUES.astype(np.float16), "f16"), (bfloat16(VALUES), "bf16")):
            table = rowpool.Table(rows, name=f"as {name}")
            self.assertEqual((table.name, table.format, table.rows, table.dim), (f"as {name}", name, ROWS, DIM))
            self.equal(rowpool.pool(table, INDICES, OFFSETS, mode="sum"), pooled())

    def test_coded_rows(self):
        for name, bits, halves, first in (("int8", 8, False, False), ("int8-f16", 8, True, False),
                                          ("int4", 4, True, False), ("tbe-int8", 8, True, True),
                                          ("tbe-int4", 4, True, True)):
            table = rowpool.Table(coded(VALUES, bits, halves, first), name)
            self.assertEqual((table.format, table.rows, table.dim), (name, ROWS, DIM))
            self.equal(rowpool.pool(table, INDICES, OFFSETS, mode="sum"), pooled(2 * VALUES - 1))

    def test_dim_that_bytes_do_not_tell(self):
        rows = coded(VALUES, 4, True, False)
        odd = np.concatenate([rows[:, :5], rows[:, 5:6] & 15, rows[:, 6:]], axis=1)
        table = rowpool.Table(odd, "int4", dim=11)
        self.equal(rowpool.pool(table, INDICES, OFFSETS, mode="sum"), pooled(2 * VALUES[:, :11] - 1))
        padded = np.pad(coded(VALUES, 8, False, False), ((0, 0), (0, 3)))
        table = rowpool.Table(padded, "int8", DIM)
        self.equal(rowpool.pool(table, INDICES, OFFSETS, mode="sum"), pooled(2 * VALUES - 1))

    def test_rows_apart(self):
        wide = np.zeros((2 * ROWS, DIM + 5), dtype=np.float32)
        wide[::2, 2:2 + DIM] = VALUES
        table = rowpool.Table(wide[::2, 2:2 + DIM])
        self.equal(rowpool.pool(table, INDICES, OFFSETS, mode="sum"), pooled())

    def test_rows_at_any_byte(self):
        memory = np.zeros(VALUES.nbytes + 1, dtype=np.uint8)
        memory[1:] = VALUES.view(np.uint8).ravel()
        table = rowpool.Table(memory[1:].view(np.float32).reshape(ROWS, DIM))
        self.equal(rowpool.pool(table, INDICES, OFFSETS, mode="sum"), pooled())

    def test_read_only_rows_and_no_rows(self):
        rows = VALUES.copy()
        rows.flags.writeable = False
        self.equal(rowpool.pool(rowpool.Table(rows), INDICES, OFFSETS, mode="sum"), pooled())
        none = rowpool.Table(np.empty((0, DIM), np.float32))
        self.equal(rowpool.pool(none, INDICES[:0], np.array([0, 0])), np.zeros((1, DIM), np.float32))

    def test_refused(self):
        table, eights = rowpool.Table, np.zeros((4, 20), np.uint8)
        self.refused(TypeError, "rows: expected an array", table, [[1.0, 2.0]])
        self.refused(TypeError, "rows: expected float32, float16", table, VALUES.astype(np.float64))
        self.refused(TypeError, "got ndarray", table, VALUES.astype(">f4"))
        self.refused(ValueError, "two dimensions, got 1", table, VALUES[0])
        self.refused(ValueError, "not contiguous", table, VALUES[:, ::2])
        self.refused(ValueError, "run backwards", table, VALUES[::-1])
        self.refused(ValueError, "overlap", table, np.broadcast_to(VALUES[:1], (ROWS, DIM)))
        self.refused(ValueError, "need their format", table, eights)
        self.refused(ValueError, "expected one of f32, f16", table, eights, "int9")
        self.refused(ValueError, "rows are f32, not int8", table, VALUES, "int8")
        self.refused(ValueError, "7 bytes are no row of format int8", table, eights[:, :7], "int8")
        self.refused(ValueError, "20 bytes are no row of format int8 and dim 13", table, eights, "int8", 13)
        self.refused(ValueError, "dim: 0 is not 1 to 65536", table, eights, "int8", 0)
        self.refused(ValueError, "dim: 99999 is not", table, eights, "int8", 99999)
        self.refused(ValueError, "0 bytes are no row", table, VALUES[:, :0])

    def test_keeps_its_array(self):
        rows = VALUES.copy()
        alive = weakref.ref(rows)
        table = rowpool.Table(rows)
        model = rowpool.Model([(table, "sum")])
        del rows, table
        gc.collect()
        self.assertIsNotNone(alive())
        self.equal(rowpool.Engine(1).pool(model, INDICES, OFFSETS), pooled())
        del model
        gc.collect()
        self.assertIsNone(alive())


class Files(Case):
    def test_open(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "tables.safetensors"
            safetensors(path, items=VALUES, users=VALUES + 1)
            file = rowpool.open(path)
            self.assertEqual([table.name for table in file.tables], ["items", "users"])
            table = file.table("users")
            self.refused(KeyError, "nobody", file.table, "nobody")
            del file
        self.equal(rowpool.pool(table, INDICES, OFFSETS, mode="sum"), pooled(VALUES + 1))

    def test_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "t"
            self.refused(OSError, f"{path}", rowpool.open, path)
            path.write_bytes(b"12345678")
            self.refused(ValueError, f"{path}", rowpool.open, str(path))


class Pool(Case):
    table = rowpool.Table(VALUES, name="items")

    def test_bags(self):
        for indices in (INDICES, INDICES.astype(np.int32)):
            for wide in (np.int32, np.int64):
                sums = rowpool.pool(self.table, indices, OFFSETS.astype(wide), mode="sum")
                self.assertEqual(sums.dtype, np.float32)
                self.equal(sums, pooled())
                self.equal(rowpool.pool(self.table, indices, lengths=LENGTHS.astype(wide), mode="sum"), pooled())

    def test_modes(self):
        self.equal(rowpool.pool(self.table, INDICES, OFFSETS), pooled(mode="mean"))
        self.equal(rowpool.pool(self.table, INDICES, OFFSETS, mode="max"), pooled(mode="max"))
        self.equal(rowpool.pool(self.table, INDICES, mode="none"), VALUES[INDICES])
        one = np.arange(5)
        self.equal(rowpool.pool(self.table, np.repeat(one, 4), lengths=one * 0 + 4, mode="sqrtn"), 2 * VALUES[one])

    def test_weights(self):
        sums = rowpool.pool(self.table, INDICES, OFFSETS, weights=WEIGHTS, mode="sum")
        self.equal(sums, pooled(weights=WEIGHTS))

    def test_output(self):
        for dtype, decode in ((np.float32, np.asarray), (np.float16, np.float32),
                              (np.uint16, lambda out: (out.astype(np.uint32) << 16).view(np.float32))):
            wide = np.full((len(LENGTHS), DIM + 7), 9, dtype)
            out = wide[:, 3:3 + DIM]
            rowpool.pool(self.table, INDICES[:4], OFFSETS[:4], mode="max", out=out[:3])
            self.equal(decode(np.ascontiguousarray(out[:3])), pooled(mode="max", lengths=LENGTHS[:3]))
            wide[:3, 3:3 + DIM] = 9
            self.equal(wide, np.full_like(wide, 9))

    def test_out_is_returned(self):
        out = np.empty((len(LENGTHS), DIM), np.float32)
        self.assertIs(rowpool.pool(self.table, INDICES, OFFSETS, out=out), out)

    def test_buffers(self):
        out = memoryview(array.array("f", bytes(4 * DIM))).cast("B").cast("f", (1, DIM))
        indices = memoryview(array.array("q", [3, 4]))
        rowpool.pool(self.table, indices, array.array("i", [0, 2]), mode="sum", out=out)
        self.equal(out, VALUES[[3]] + VALUES[[4]])

    def test_nothing(self):
        self.equal(rowpool.pool(self.table, INDICES[:0], OFFSETS[:1]), np.empty((0, DIM), np.float32))

    def test_arrays_refused(self):
        pool, table = rowpool.pool, self.table
        self.refused(TypeError, "indices: expected an array", pool, table, [0], OFFSETS)
        self.refused(TypeError, "indices: expected int32 or int64, got uint64", pool, table, INDICES.astype("u8"),
                     OFFSETS)
        self.refused(TypeError, "offsets: expected int32 or int64, got float64", pool, table, INDICES, OFFSETS * 1.0)
        self.refused(TypeError, "weights: expected float32, got float64", pool, table, INDICES, OFFSETS,
                     weights=WEIGHTS.astype(np.float64))
        self.refused(ValueError, "indices: expected one dimension, got 2", pool, table, INDICES[None], OFFSETS)
        self.refused(ValueError, "indices: expected one dimension, got 0", pool, table, np.array(1), OFFSETS)
        self.refused(ValueError, "indices: not contiguous", pool, table, INDICES[::-1], OFFSETS)
        odd = np.zeros(8 * len(INDICES) + 1, np.uint8)[1:].view(np.int64)
        self.refused(ValueError, "indices: not aligned", pool, table, odd, OFFSETS)
        self.refused(ValueError, "offsets or lengths are missing", pool, table, INDICES)
        self.refused(ValueError, "give one of them", pool, table, INDICES, OFFSETS, lengths=LENGTHS)
        self.refused(ValueError, "mode: expected none, sum", pool, table, INDICES, OFFSETS, mode="median")
        self.refused(ValueError, "takes none", pool, table, INDICES, weights=WEIGHTS, mode="none")

    def test_output_refused(self):
        def refused(error, message, out):
            self.refused(error, message, rowpool.pool, self.table, INDICES, OFFSETS, out=out)

        bags = len(LENGTHS)
        good = np.zeros((bags, 2 * DIM), np.float32)
        refused(TypeError, "out: expected float32, float16, bfloat16 or uint16, got float64", np.zeros((bags, DIM)))
        refused(ValueError, "expected shape [5, 12], got [5, 11]", good[:, :11])
        refused(ValueError, "expected shape [5, 12], got [4, 12]", good[:4, :DIM])
        refused(ValueError, "expected shape [5, 12], got 1 dimensions", good[0])
        refused(ValueError, "out: rows are not contiguous", good[:, ::2])
        refused(ValueError, "run backwards", good[::-1, :DIM])
        refused(ValueError, "overlap", np.lib.stride_tricks.as_strided(good, (bags, DIM), (4, 4)))
        refused(TypeError, "out: expected an array", [[0.0] * DIM] * bags)
        refused(ValueError, "not aligned", np.zeros(4 * bags * DIM + 1, np.uint8)[1:].view("f4").reshape(bags, DIM))
        good.flags.writeable = False
        refused(TypeError, "out: read-only", good[:, :DIM])

    def test_output_over_inputs(self):
        memory = np.zeros((5, DIM), np.float32)
        indices = memory.view(np.int64).ravel()[3:3 + len(INDICES)]
        self.refused(ValueError, "out: shares memory with indices", rowpool.pool, self.table, indices, OFFSETS,
                     out=memory)
        table = rowpool.Table(memory)
        self.refused(ValueError, "out: shares memory with a table", rowpool.pool, table, INDICES % 5, OFFSETS,
                     out=memory)

    def test_values_refused(self):
        out = np.full((len(LENGTHS), DIM), 7, np.float32)
        for bad in (ROWS, -1, 2**40):
            indices = INDICES.copy()
            indices[5] = bad
            self.refused(IndexError, f"table items, bag 3: index {bad} at position 5", rowpool.pool, self.table,
                         indices, OFFSETS, out=out)
        for offsets in (OFFSETS + 1, OFFSETS[::-1].copy(), OFFSETS[:-1], OFFSETS[:0], OFFSETS * 2**33):
            with self.assertRaises(ValueError):
                rowpool.pool(self.table, INDICES, offsets, out=out[:max(len(offsets) - 1, 0)])
        self.refused(ValueError, "weights", rowpool.pool, self.table, INDICES, OFFSETS, weights=WEIGHTS[1:], out=out)
        self.equal(out, np.full_like(out, 7))

    def test_other_threads_run(self):
        """Between reading the count before a call and after it, another thread can only run when the call lets it."""
        steps, stop = [0], threading.Event()

        def count():
            while not stop.is_set():
                steps[0] += 1
                time.sleep(0)

        indices = np.zeros(1 << 22, np.int32)
        offsets = np.array([0, len(indices)])
        interval = sys.getswitchinterval()
        counter = threading.Thread(target=count)
        counter.start()
        sys.setswitchinterval(1000)
        try:
            ran = False
            for _ in range(200):
                before = steps[0]
                rowpool.pool(self.table, indices, offsets)
                ran = ran or steps[0] > before
                if ran:
                    break
        finally:
            sys.setswitchinterval(interval)
            stop.set()
            counter.join()
        self.assertTrue(ran)


class Requests(Case):
    def setUp(self):
        self.tables = [rowpool.Table(VALUES, name="a"), rowpool.Table(coded(VALUES[:, :4], 8, True, True), "tbe-int8")]
        self.model = rowpool.Model([(self.tables[0], "sum"), (self.tables[1], "mean"), (self.tables[0], "max")])
        self.indices = np.concatenate([INDICES, INDICES, INDICES[::-1]])
        lengths = np.concatenate([LENGTHS, LENGTHS[::-1], LENGTHS])
        self.offsets = np.concatenate([[0], np.cumsum(lengths)])
        self.expected = np.concatenate([
            pooled(), pooled(2 * VALUES[:, :4] - 1, mode="mean", lengths=LENGTHS[::-1]),
            pooled(mode="max", indices=INDICES[::-1])], axis=1)

    def test_request(self):
        self.assertEqual(self.model.total_dim, 2 * DIM + 4)
        for threads in (1, 2):
            engine = rowpool.Engine(threads)
            self.assertEqual(engine.threads, threads)
            self.equal(engine.pool(self.model, self.indices, self.offsets), self.expected)
            out = np.empty_like(self.expected)
            self.assertIs(engine.pool(self.model, self.indices, self.offsets, out=out), out)
            self.equal(out, self.expected)

    def test_weights(self):
        ones = np.ones(len(INDICES), np.float32)
        model = rowpool.Model([(self.tables[0], "sum"), (self.tables[0], "sum")])
        sums = rowpool.Engine(2).pool(model, np.tile(INDICES, 2), np.concatenate([OFFSETS, OFFSETS[1:] + OFFSETS[-1]]),
                                      weights=np.concatenate([ones, WEIGHTS]))
        self.equal(sums, np.concatenate([pooled(), pooled(weights=WEIGHTS)], axis=1))

    def test_engine_on_one_table(self):
        engine = rowpool.Engine(threads=2)
        self.equal(engine.pool(self.tables[0], INDICES, OFFSETS, weights=WEIGHTS, mode="sum"), pooled(weights=WEIGHTS))
        self.equal(engine.pool(self.tables[0], INDICES, lengths=LENGTHS), pooled(mode="mean"))

    def test_refused(self):
        engine = rowpool.Engine(1)
        self.refused(ValueError, "feature", rowpool.Model, [])
        self.refused(ValueError, "none", rowpool.Model, [(self.tables[0], "none")])
        self.refused(ValueError, "mode: expected", rowpool.Model, [(self.tables[0], "avg")])
        with self.assertRaises(TypeError):
            rowpool.Model([self.tables[0]])
        for target, offsets in (("a", self.offsets), (self.model, None)):
            with self.assertRaises(TypeError):
                engine.pool(target, self.indices, offsets)
        self.refused(ValueError, "offsets", engine.pool, self.model, self.indices, self.offsets[:-1])
        self.refused(ValueError, "expected shape [5, 28]", engine.pool, self.model, self.indices, self.offsets,
                     out=self.expected[:, 1:])
        self.indices[-1] = ROWS
        self.refused(IndexError, "table a, bag 4: index 50", engine.pool, self.model, self.indices, self.offsets)


try:
    import torch
except ImportError:
    torch = None


@unittest.skipUnless(torch, "no torch here")
class Tensors(Case):
    def test_tensors(self):
        indices, offsets, values = map(torch.from_numpy, (INDICES, OFFSETS, VALUES))
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            table = rowpool.Table(values.to(dtype))
            out = torch.empty(len(LENGTHS), DIM, dtype=dtype)
            self.assertIs(rowpool.pool(table, indices, offsets, mode="max", out=out), out)
            self.equal(out.float(), pooled(mode="max"))

    def test_refused(self):
        self.refused(TypeError, "rows: expected an array", rowpool.Table, torch.empty(3, 4, device="meta"))
        self.refused(TypeError, "got bfloat16", rowpool.pool, Pool.table, torch.zeros(3, dtype=torch.bfloat16), OFFSETS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
