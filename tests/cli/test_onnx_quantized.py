"""Codes in ONNX models."""
import math
import random
import struct

import test_onnx as onnx
from scales import number, packed, rounded, ScalesTest
from support import f32


class Onnx(ScalesTest):
    """Codes that DequantizeLinear decodes."""

    KINDS = {"F32": 1, "U8": 2, "I8": 3, "F16": 10, "F64": 11, "BF16": 16, "F8_E4M3": 17, "F8_E5M2": 19}

    def node(self, op, inputs, output, **attributes):
        fields = [onnx.chunk(5, onnx.chunk(1, name) + onnx.number(3, value)) for name, value in attributes.items()]
        return b"".join(onnx.chunk(1, name) for name in inputs) + onnx.chunk(2, output) + onnx.chunk(4, op) + b"".join(fields)

    def initializer(self, name, dtype, shape, content):
        return onnx.tensor(name, onnx.chunk(9, content), shape, self.KINDS[dtype])

    def write_model(self, tensors, *nodes):
        body = b"".join(onnx.chunk(1, node) for node in nodes) + onnx.chunk(2, "g")
        body += b"".join(onnx.chunk(5, each) for each in tensors)
        return self.write("m.onnx", onnx.number(1, 8) + onnx.chunk(7, body) + onnx.chunk(8, onnx.number(2, 21)))

    def codes(self, rng, dtype, rows, dim):
        finite = [code for code in range(256) if math.isfinite(number(code, dtype))]
        return bytes(rng.choices(finite, k=rows * dim))

    def test_every_axis(self):
        rng = random.Random(12)
        rows, dim = 6, 10
        cases = [([], {}, lambda i, j: 0), ([1], {"axis": 1}, lambda i, j: 0), ([6], {"axis": 0}, lambda i, j: i),
                 ([10], {}, lambda i, j: j), ([10], {"axis": -1}, lambda i, j: j), ([6], {"axis": -2}, lambda i, j: i),
                 ([6, 3], {"axis": 1, "block_size": 4}, lambda i, j: 3 * i + j // 4),
                 ([2, 10], {"axis": 0, "block_size": 4}, lambda i, j: i // 4 * 10 + j)]
        for shape, attributes, place in cases:
            for dtype, has_zeros in (("U8", True), ("I8", False), ("U8", False), ("F8_E4M3", False)):
                codes, count = self.codes(rng, dtype, rows, dim), math.prod(shape)
                kind = rng.choice(["F32", "F16", "BF16"])
                scales = [rounded(rng.uniform(0.1, 2), kind) for _ in range(count)]
                zeros = [rng.randrange(255) if has_zeros else 0 for _ in range(count)]
                tensors = [self.initializer("e", dtype, [rows, dim], codes),
                           self.initializer("s", kind, shape, packed(scales, kind))]
                if has_zeros:
                    tensors.append(self.initializer("z", "U8", shape, bytes(zeros)))
                inputs = ["e", "s", "z"] if has_zeros else ["e", "s"]
                self.write_model(tensors, self.node("DequantizeLinear", inputs, "d", **attributes))
                with self.subTest(shape=shape, attributes=attributes, dtype=dtype):
                    file = self.warns("m.onnx", "--format", "f32")
                    self.assertEqual(file.tables(), ["e"])
                    self.assert_rows(file.rows_f32("e"), [
                        [f32((number(codes[dim * i + j], dtype) - zeros[place(i, j)]) * scales[place(i, j)])
                         for j in range(dim)] for i in range(rows)])

    def parts(self, rows=6):
        """As onnxruntime writes them: the scale in float_data, the zero point in int32_data."""
        return [self.initializer("e", "I8", [rows, 2], bytes([255] * rows * 2)),
                onnx.tensor("s", onnx.chunk(4, struct.pack("<f", 0.5)), [], 1),
                onnx.tensor("z", onnx.chunk(5, onnx.varint(-3)), [], 3)]

    def test_gathered_first(self):
        gather = self.node("Gather", ["e", "ids"], "g")
        decode = self.node("DequantizeLinear", ["g", "s", "z"], "d")
        for nodes in ((gather, decode), (decode, gather), (gather, decode, decode)):
            self.write_model(self.parts(), *nodes)
            self.assertEqual(self.warns("m.onnx", "--format", "f32").rows_f32("e"), [[1, 1]] * 6)

    def test_what_is_left_out(self):
        fc = onnx.tensor("fc", onnx.raw())
        decode = self.node("DequantizeLinear", ["e", "s", "z"], "d")
        e, s, z = self.parts()
        by_rows = self.initializer("s", "F32", [6], packed([1] * 6, "F32"))
        zeros = self.initializer("z", "I8", [6], bytes(6))
        for tensors, *nodes in (
            ([e, s, z], self.node("QLinearMatMul", ["e", "s", "z"], "d")),
            ([e, s, z], decode, self.node("DequantizeLinear", ["e", "s"], "d2")),
            ([e, s], decode), ([e, z], decode), ([e, s, zeros], decode), ([e, by_rows, zeros], decode),
            ([e, by_rows, zeros], self.node("Gather", ["e", "ids"], "g"),
             self.node("DequantizeLinear", ["g", "s", "z"], "d", axis=0)),
            ([e, s, z], self.node("Gather", ["e", "ids"], "g", axis=1), self.node("DequantizeLinear", ["g", "s", "z"], "d")),
            ([e, by_rows, zeros], self.node("DequantizeLinear", ["e", "s", "z"], "d", axis=2)),
            ([onnx.tensor("e", onnx.chunk(5, b"\1" * 12), [6, 2], 3), s, z], decode),
            ([e, s, onnx.tensor("z", onnx.chunk(5, b"\1\1"), [], 3)], decode),
            ([e, onnx.tensor("s", onnx.chunk(9, bytes(3)), [], 1), z], decode),
        ):
            self.write_model([*tensors, fc], *nodes)
            self.assertEqual(self.warns("m.onnx", says=["left out: e (INT8 6 x 2)"]).tables(), ["fc"])
