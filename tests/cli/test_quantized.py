"""Rows that TorchRec and PyTorch have quantized."""
import math
import random
import struct

from checkpoints import Raw, call, checkpoint, encoded, named, storage, tensor
from scales import number, packed, WRITERS, ScalesTest
from support import f16, f32, safetensors


class TorchRec(ScalesTest):
    """Rows of table batched embeddings, split into codes, scales and biases."""

    NAME = "ebc.embedding_bags.t0.weight"

    def made(self, rng, rows, code_bytes):
        codes = bytes(rng.choices(range(256), k=rows * code_bytes))
        scales = [f16(rng.uniform(-1, 1)) for _ in range(rows)]
        biases = [f16(rng.uniform(-9, 9)) for _ in range(rows)]
        tensors = {self.NAME: ("U8", [rows, code_bytes], codes), self.NAME + "_qscale": ("F16", [rows, 1], packed(scales, "F16")),
                   self.NAME + "_qbias": ("F16", [rows, 1], packed(biases, "F16"))}
        split = [codes[i * code_bytes : (i + 1) * code_bytes] for i in range(rows)]
        return tensors, split, [struct.pack("<ee", *pair) for pair in zip(scales, biases)]

    def test_codes_are_kept(self):
        rng = random.Random(5)
        for rows, dim in ((6, 16), (33, 3), (5, 1)):
            tensors, codes, numbers = self.made(rng, rows, dim)
            for name, write in WRITERS:
                self.write(name, write(tensors))
                first = b"".join(n + c for n, c in zip(numbers, codes))
                last = b"".join(c + n for n, c in zip(numbers, codes))
                for options, expected in (([], first), (["--format", "tbe-int8"], first), (["--format", "int8-f16"], last)):
                    file = self.warns(name, *options, says=["read as codes of 8 bits"])
                    self.assertEqual(file.tables(), [self.NAME])
                    self.assertEqual(file.tensor(self.NAME), expected)
                decoded = self.warns(name, "--format", "f32", says=["--packed"]).rows_f32(self.NAME)
                pairs = [struct.unpack("<ee", n) for n in numbers]
                self.assert_rows(decoded, [[f32(f32(s * c) + b) for c in row] for (s, b), row in zip(pairs, codes)])

    def test_fewer_bits(self):
        tensors, codes, numbers = self.made(random.Random(6), 7, 5)
        self.write("m.safetensors", safetensors(tensors))
        for form, is_first, columns in (("tbe-int4", True, 10), ("int4", False, 10), ("tbe-int2", True, 20), ("int2", False, 20),
                                        ("int8-f16", False, 5)):
            file = self.warns("m.safetensors", "--packed", "*=" + form)
            self.assertEqual(file.tensor(self.NAME), b"".join(n + c if is_first else c + n for n, c in zip(numbers, codes)))
            self.assertEqual(file.record(self.NAME)["dim"], columns)
        self.refuses("m.safetensors", "which int8 rows do not have", options=["--packed", "*=int8"])

    def test_what_does_not_fit(self):
        tensors, _, _ = self.made(random.Random(7), 6, 8)
        cases = [(self.NAME, ("I8", [6, 8], bytes(48)), "are uint8"),
                 (self.NAME + "_qscale", ("F32", [6, 1], bytes(24)), "not a float16 a row"),
                 (self.NAME + "_qbias", ("F16", [5, 1], bytes(10)), "not a float16 a row"),
                 (self.NAME + "_qbias", ("F16", [6, 2], bytes(24)), "not a float16 a row")]
        for name, part, says in cases:
            self.leaves_out(dict(tensors, **{name: part}), says, codes=self.NAME)
        del tensors[self.NAME + "_qbias"]
        self.leaves_out(tensors, "there is no " + self.NAME + "_qbias", codes=self.NAME)

    def test_numbers_that_are_not_finite(self):
        tensors, _, _ = self.made(random.Random(8), 6, 8)
        tensors[self.NAME + "_qscale"] = ("F16", [6, 1], packed([1, 1, 1, math.nan, 1, 1], "F16"))
        self.write("m.safetensors", safetensors(tensors))
        done = self.run_command("convert", "m.safetensors", "-o", "out")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"row 3: its scale or bias is not finite", done.stderr)


class QuantizedTensors(ScalesTest):
    """torch.quantize_per_tensor and torch.quantize_per_channel."""

    def quantized(self, kind, shape, *scheme):
        codes = storage("q", math.prod(shape), kind)
        hooks = call("collections.OrderedDict")
        return call("torch._utils._rebuild_qtensor", codes, 0, tuple(shape), (shape[1], 1), Raw(encoded(scheme)), False, hooks)

    def per_tensor(self, kind, shape, scale, zero_point):
        return self.quantized(kind, shape, named("torch.per_tensor_affine"), scale, zero_point)

    def per_channel(self, kind, shape, scales, zero_points, axis):
        size = shape[axis] if axis in (0, 1) else 1
        made = self.quantized(kind, shape, named("torch.per_channel_affine"), tensor(storage("s", size, "Double"), (size,)),
                              tensor(storage("z", size, "Long"), (size,)), axis)
        return made, {"s": packed(scales, "F64"), "z": packed(zero_points, "I64")}

    def test_per_tensor(self):
        codes = bytes(random.Random(9).choices(range(256), k=40))
        self.write("m.pt", checkpoint({"e": self.per_tensor("QUInt8", (8, 5), 0.05, 128)}, {"q": codes}))
        file = self.warns("m.pt")
        scale = f32(0.05)
        numbers = struct.pack("<ff", scale, f32(-128 * scale))
        self.assertEqual(file.tensor("e"), b"".join(codes[i : i + 5] + numbers for i in range(0, 40, 5)))
        self.write("m.pt", checkpoint({"e": self.per_tensor("QInt8", (8, 5), 0.05, -3)}, {"q": codes}))
        rows = self.warns("m.pt", "--format", "f32").rows_f32("e")
        self.assert_rows(rows, [[f32((number(codes[5 * i + j], "I8") + 3) * scale) for j in range(5)] for i in range(8)])

    def test_per_channel(self):
        rng = random.Random(10)
        codes = bytes(rng.choices(range(256), k=40))
        for axis, size in ((0, 8), (1, 5)):
            scales, zeros = [rng.uniform(0.01, 1) for _ in range(size)], [rng.randrange(-9, 9) for _ in range(size)]
            made, parts = self.per_channel("QInt8", (8, 5), scales, zeros, axis)
            self.write("m.pt", checkpoint({"e": made}, {"q": codes, **parts}))
            rows = self.warns("m.pt", "--format", "f32").rows_f32("e")
            place = (lambda i, j: i) if axis == 0 else (lambda i, j: j)
            self.assert_rows(rows, [[f32((number(codes[5 * i + j], "I8") - zeros[place(i, j)]) * scales[place(i, j)])
                                     for j in range(5)] for i in range(8)])

    def test_what_does_not_fit(self):
        made, parts = self.per_channel("QInt8", (8, 5), [1.0], [0], 2)
        data = {"q": bytes(200), "fc": bytes(48), **parts}
        fc = tensor(storage("fc", 12), (3, 4))
        for odd in (made, self.quantized("QInt8", (8, 5), named("torch.per_tensor_affine"), "0.5", 1),
                    self.quantized("QInt8", (8, 5), named("torch.per_tensor_affine"), 0.5),
                    self.per_tensor("QInt32", (8, 5), 0.5, 1)):
            self.write("m.pt", checkpoint({"e": odd, "fc": fc}, data))
            self.assertEqual(self.warns("m.pt", says=[["left out: e", "dequantize()"]]).tables(), ["fc"])
        self.write("m.pt", checkpoint({"e": self.per_tensor("QUInt8", (8, 5), math.nan, 1)}, data))
        self.refuses("m.pt", "row 0: its scale or bias is not finite")
