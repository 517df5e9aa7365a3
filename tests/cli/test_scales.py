"""Weights of 8 bits: floating point, and codes with their scales beside them, in safetensors files and checkpoints."""
import json
import math
import random
import struct

import test_onnx as onnx
from checkpoints import Raw, call, checkpoint, encoded, named, storage, tensor
from support import ConvertTest, Safetensors, f16, f32, safetensors

TORCH = {"U8": "uint8", "I8": "int8", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F32": "float32",
         "F16": "float16", "BF16": "bfloat16", "F64": "float64", "I32": "int32", "I64": "int64", "I16": "int16"}
STORAGES = {"U8": "Byte", "I8": "Char", "F32": "Float", "F16": "Half", "BF16": "BFloat16", "F64": "Double", "I32": "Int",
            "I64": "Long", "I16": "Short"}
BYTES = {"I16": 2, "F16": 2, "BF16": 2, "F32": 4, "I32": 4, "F64": 8, "I64": 8}
PACKING = {"F32": "f", "F16": "e", "F64": "d", "I32": "i", "I64": "q", "I8": "b", "U8": "B"}


def float8(code, mantissa_bits):
    """The number of a code of E4M3 (3 bits of mantissa) or E5M2 (2), from the definition."""
    exponent, mantissa = divmod(code & 0x7F, 1 << mantissa_bits)
    sign = -1.0 if code & 0x80 else 1.0
    if mantissa_bits == 3 and code & 0x7F == 0x7F:
        return math.nan
    if mantissa_bits == 2 and exponent == 31:
        return sign * math.inf if mantissa == 0 else math.nan
    bias = 7 if mantissa_bits == 3 else 15
    part = mantissa / (1 << mantissa_bits)
    return sign * (part * 2.0 ** (1 - bias) if exponent == 0 else (1 + part) * 2.0 ** (exponent - bias))


def number(code, dtype):
    """What a byte is as an element of that type."""
    if dtype.startswith("F8"):
        return float8(code, 3 if dtype == "F8_E4M3" else 2)
    return code - 256 if dtype == "I8" and code > 127 else code


def packed(values, dtype):
    """Numbers as the bytes of that type."""
    if dtype == "BF16":
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{PACKING[dtype]}", *values)


def rounded(value, dtype):
    """A number as that type holds it."""
    if dtype == "BF16":
        return struct.unpack("<f", b"\0\0" + struct.pack("<f", value)[2:])[0]
    return f16(value) if dtype == "F16" else f32(value) if dtype == "F32" else value


def state(tensors):
    """A checkpoint of {name: (dtype, shape, bytes)}."""
    made, storages = {}, {}
    for key, (name, (dtype, shape, content)) in enumerate(tensors.items()):
        storages[str(key)] = content
        if dtype in STORAGES:
            made[name] = tensor(storage(str(key), len(content) // BYTES.get(dtype, 1), STORAGES[dtype]), shape)
            continue
        strides = tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
        untyped = storage(str(key), len(content), "torch.storage.UntypedStorage")
        made[name] = call("torch._utils._rebuild_tensor_v3", untyped, 0, tuple(shape), strides, False, None,
                          named("torch." + TORCH[dtype]))
    return checkpoint(made, storages)


WRITERS = (("m.safetensors", safetensors), ("m.pt", state))
FC = ("F32", [3, 4], bytes(48))


class ScalesTest(ConvertTest):
    def assert_rows(self, got, expected):
        self.assertEqual(len(got), len(expected))
        for a, b in zip(got, expected):
            self.assertEqual([struct.pack("<f", x) if x == x else "nan" for x in a],
                             [struct.pack("<f", x) if x == x else "nan" for x in b])

    def converts(self, tensors, expected, tables=("emb.weight",), *options, says=()):
        """In every format, the tables are those named, and the first has the rows expected."""
        for name, write in WRITERS:
            with self.subTest(name):
                self.write(name, write(tensors))
                file = self.warns(name, "--format", "f32", *options, says=says)
                self.assertEqual(sorted(file.tables()), sorted(tables))
                self.assert_rows(file.rows_f32(tables[0]), expected)

    def leaves_out(self, tensors, *says, codes="emb.weight"):
        """In every format, the codes are left out for a reason that holds all of `says`, and never converted raw."""
        for name, write in WRITERS:
            with self.subTest(name, says=says):
                self.write(name, write(dict(tensors, fc=FC)))
                done = self.run_command("convert", name, "--format", "f32", "-o", "out")
                self.assertEqual(done.returncode, 0, done.stderr)
                (line,) = [line for line in done.stderr.decode().splitlines() if f"left out: {codes} " in line]
                for part in says:
                    self.assertIn(part, line)
                self.assertNotIn(codes, Safetensors(self.read("out")).tables())
                self.refuses(name, codes, options=["--table", codes])


PLAIN = "read as plain numbers, no scale is beside it"


class Float8(ScalesTest):
    def passes_noting(self, *args):
        """The command succeeds, and may say that values are plain numbers."""
        done = self.run_command(*args)
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in done.stderr.decode().splitlines():
            self.assertIn(PLAIN, line)
        return done.stdout.decode()

    def test_every_code(self):
        for dtype, bits in (("F8_E4M3", 3), ("F8_E5M2", 2)):
            expected = [[float8(16 * i + j, bits) for j in range(16)] for i in range(16)]
            self.converts({"emb.weight": (dtype, [16, 16], bytes(range(256)))}, expected, says=[PLAIN])

    def test_as_any_table(self):
        codes = bytes(random.Random(8).choices(range(0x7E), k=40 * 8))
        self.write("m.safetensors", safetensors({"e": ("F8_E4M3", [40, 8], codes)}))
        self.passes_noting("convert", "m.safetensors", "-o", "out")
        self.assertEqual(Safetensors(self.read("out")).header["e"]["shape"], [40, 16])
        self.assertIn("e", self.passes_noting("verify", "out", "--against", "m.safetensors"))
        self.passes_noting("convert", "m.safetensors", "--format", "f32", "-o", "f")
        self.passes_noting("diff", "f", "m.safetensors")
        self.assertIn("a table for rowpool convert alone: e", self.passes_noting("inspect", "m.safetensors"))

    def test_what_is_not_finite_is_a_bad_row(self):
        self.write("m.safetensors", safetensors({"e": ("F8_E4M3", [2, 8], b"\x38" * 8 + b"\x7f" * 8)}))
        self.fails("convert", "m.safetensors", "--format", "int8", "-o", "o", says=["row 1"])
        self.passes_noting("convert", "m.safetensors", "--format", "int8", "--on-bad-row", "zero", "-o", "o")

    def test_other_shapes(self):
        self.leaves_out({"emb.weight": ("F8_E4M3", [2, 5, 4], bytes(40))}, "as one of 10 x 4")
        self.leaves_out({"emb.weight": ("F8_E4M3", [5, 65537], bytes(5 * 65537))}, "more than 65536 columns")

    def test_views(self):
        codes = bytes(range(24))
        untyped = storage("0", 24, "torch.storage.UntypedStorage")
        column_first = call("torch._utils._rebuild_tensor_v3", untyped, 1, (4, 5), (1, 4), False, None,
                            named("torch.float8_e5m2"))
        self.write("m.pt", checkpoint({"e": column_first}, {"0": codes}))
        file = self.warns("m.pt", "--format", "f32", says=[PLAIN])
        self.assert_rows(file.rows_f32("e"), [[float8(1 + i + 4 * j, 2) for j in range(5)] for i in range(4)])

    def test_a_shape_that_its_bytes_do_not_have(self):
        self.write("m.safetensors", safetensors({"e": ("F8_E4M3FNUZ", [9, 9], bytes(80)), "f": FC}))
        done = self.run_command("convert", "m.safetensors", "-o", "out")
        self.assertIn(b"e", done.stderr)
        if done.returncode == 0:
            self.assertEqual(Safetensors(self.read("out")).tables(), ["f"])


class Scales(ScalesTest):
    """(code - zero point) * scale, rounded to f32 once."""

    def made(self, rng, dtype, rows, dim, grid, scale_dtype="F32", zero_dtype=None):
        """Tensors of random codes, and the rows that they stand for; grid(i, j) is the number of an element's scale."""
        finite = [code for code in range(256) if math.isfinite(number(code, dtype))]
        codes = bytes(rng.choices(finite, k=rows * dim))
        shape, place = grid
        count = math.prod(shape)
        scales = [rounded(rng.uniform(0.01, 2), scale_dtype) for _ in range(count)]
        zeros = [rng.randrange(0, 100) for _ in range(count)] if zero_dtype else [0] * count
        expected = [[f32((number(codes[i * dim + j], dtype) - zeros[place(i, j)]) * scales[place(i, j)])
                     for j in range(dim)] for i in range(rows)]
        tensors = {"emb.weight": (dtype, [rows, dim], codes),
                   "emb.weight_scale": (scale_dtype, shape, packed(scales, scale_dtype))}
        if zero_dtype:
            tensors["emb.weight_zero_point"] = (zero_dtype, shape, packed(zeros, zero_dtype))
        return tensors, expected

    def grids(self, rows, dim, groups):
        size = dim // groups
        return [([], lambda i, j: 0), ([1], lambda i, j: 0), ([1, 1], lambda i, j: 0), ([rows], lambda i, j: i),
                ([rows, 1], lambda i, j: i), ([rows, groups], lambda i, j: i * groups + j // size)]

    def test_neighbours(self):
        rng = random.Random(41)
        for seed in range(6):
            rows, groups = rng.randrange(2, 40), rng.randrange(1, 5)
            dim = groups * rng.randrange(1, 9)
            for grid in self.grids(rows, dim, groups):
                dtype = rng.choice(["I8", "F8_E4M3", "F8_E5M2"])
                zero = rng.choice([None, "I8", "I32", "I64", "F32"]) if dtype == "I8" else None
                tensors, expected = self.made(rng, dtype, rows, dim, grid, rng.choice(["F32", "F16", "BF16", "F64"]), zero)
                with self.subTest(seed=seed, shape=(rows, dim), grid=grid[0], dtype=dtype, zero=zero):
                    self.converts(tensors, expected)

    def test_unsigned_codes_have_a_zero_point(self):
        tensors, expected = self.made(random.Random(1), "U8", 9, 6, ([9, 1], lambda i, j: i), "F16", "U8")
        self.converts(tensors, expected)
        del tensors["emb.weight_zero_point"]
        self.leaves_out(tensors, "unsigned codes", "without a zero point")

    def test_blocks(self):
        for rows, dim in ((130, 200), (7, 300), (257, 128)):
            across = -(-dim // 128)
            shape = [-(-rows // 128), across]
            grid = (shape, lambda i, j: i // 128 * across + j // 128)
            tensors, expected = self.made(random.Random(rows), "F8_E4M3", rows, dim, grid)
            self.converts(tensors, expected)
            tensors["emb.weight_scale_inv"] = tensors.pop("emb.weight_scale")
            self.converts(tensors, expected)
            tensors["emb.scale"] = tensors.pop("emb.weight_scale_inv")
            self.converts(tensors, expected)

    def test_names(self):
        made, expected = self.made(random.Random(2), "I8", 8, 4, ([8, 1], lambda i, j: i))
        for codes, scale in (("emb.weight", "emb.weight_scale"), ("emb.weight", "emb.scales"), ("emb.weight", "emb.scale"),
                             ("weight", "weight_scale"), ("weight", "scales"), ("table", "table_scale"),
                             ("emb.weight", "emb.weight_scale_inv")):
            with self.subTest(codes=codes, scale=scale):
                tensors = {codes: made["emb.weight"], scale: made["emb.weight_scale"]}
                self.converts(tensors, expected, (codes,))
                self.converts(dict(tensors, **{"emb.input_scale": ("F32", [1], bytes(4))}), expected, (codes,))

    def test_no_rows(self):
        for shape in ([0], [0, 1], [1]):
            tensors = {"emb.weight": ("I8", [0, 4], b""), "emb.weight_scale": ("F32", shape, bytes(4 * math.prod(shape)))}
            self.converts(tensors, [])

    def test_scales_that_do_not_fit(self):
        codes = ("I8", [6, 10], bytes(60))
        for shape in ([5], [5, 1], [6, 3], [6, 20], [10], [1, 10], [2, 1], [6, 0], [6, 1, 1], [60]):
            size = 4 * math.prod(shape)
            says = [] if len(shape) == 3 else ["its scale emb.weight_scale is"]
            self.leaves_out({"emb.weight": codes, "emb.weight_scale": ("F32", shape, bytes(size))}, *says)

    def test_scales_of_other_types(self):
        codes = ("I8", [6, 10], bytes(60))
        for dtype in ("I32", "I64", "U8", "I8"):
            scales = (dtype, [6, 1], bytes(6 * BYTES.get(dtype, 1)))
            self.leaves_out({"emb.weight": codes, "emb.weight_scale": scales}, "emb.weight_scale is", "save it dequantized")
        self.write("m.safetensors", safetensors({"e": codes, "e_scale": ("F8_E8M0", [6, 1], bytes(6)), "fc": FC}))
        self.warns("m.safetensors", says=[["left out: e (I8 6 x 10)", "e_scale is F8_E8M0"],
                                          ["e_scale (F8_E8M0 6 x 1)"]])

    def test_zero_points_that_do_not_fit(self):
        tensors = {"emb.weight": ("U8", [6, 10], bytes(60)), "emb.weight_scale": ("F32", [6, 1], bytes(24))}
        for dtype, shape in (("U8", [1]), ("U8", [6, 2]), ("I32", [5]), ("I16", [6, 1])):
            size = math.prod(shape) * BYTES.get(dtype, 1)
            self.leaves_out(dict(tensors, **{"emb.weight_zero_point": (dtype, shape, bytes(size))}),
                            "its zero point emb.weight_zero_point is")

    def test_no_scale(self):
        for dtype in ("I8", "U8"):
            self.leaves_out({"emb.weight": (dtype, [6, 10], bytes(60))})
            self.leaves_out({"emb.weight": (dtype, [6, 10], bytes(60)), "other.weight_scale": ("F32", [6], bytes(24))})

    def test_what_else_they_may_depend_on(self):
        for other, dtype, shape in (("emb.weight_g_idx", "I32", [10]), ("emb.weight_global_scale", "F32", [1]),
                                    ("emb.weight_scale_2", "F32", []), ("emb.weight_zeros", "F32", [6])):
            part = (dtype, shape, bytes(4 * math.prod(shape)))
            for codes in ("I8", "F8_E4M3"):
                self.leaves_out({"emb.weight": (codes, [6, 10], bytes(60)),
                                 "emb.weight_scale": ("F32", [6, 1], bytes(24)), other: part}, "it may depend on " + other)
        self.leaves_out({"emb.weight": ("F8_E4M3", [6, 10], bytes(60)), "emb.scale_weight": ("F32", [], bytes(4))},
                        "it may depend on emb.scale_weight")
        self.leaves_out({"emb.weight": ("F8_E4M3", [6, 10], bytes(60)), "emb.scale": ("F32", [6], bytes(24)),
                         "emb.weight_scale": ("F32", [6], bytes(24))}, "its scale may be")

    def test_scales_of_unknown_names(self):
        for codes, scale in (("emb.weight", "emb.weights_scaling_factor"), ("emb.weight", "emb.weightScale"),
                             ("emb.weight._data", "emb.weight._scale"), ("emb.weight:_data", "emb.weight:scale"),
                             ("emb._weight_qdata", "emb._weight_scale"), ("w", "scaling")):
            self.leaves_out({codes: ("F8_E4M3", [6, 10], bytes(60)), scale: ("F32", [6, 1], bytes(24))},
                            "it may depend on " + scale, codes=codes)

    def test_names_that_begin_alike(self):
        """What belongs to other codes makes none doubtful; nor does what is of another module."""
        rng = random.Random(11)
        tensors, rows = {}, {}
        for name, scale in (("user", "user_scale"), ("user_geo", "user_geo_scale"), ("weight", "weight_scale"),
                            ("m.weight", "m.scale"), ("m.sub.weight", "m.sub.weight_scale")):
            made, rows[name] = self.made(rng, rng.choice(["I8", "F8_E4M3"]), 6, 4, ([6, 1], lambda i, j: i))
            tensors.update({name: made["emb.weight"], scale: made["emb.weight_scale"]})
        tensors["m.sub.norm.scale"] = ("F32", [6], bytes(24))
        for name, write in WRITERS:
            self.write(name, write(tensors))
            file = self.warns(name, "--format", "f32")
            self.assertEqual(sorted(file.tables()), sorted(rows))
            for table, expected in rows.items():
                self.assert_rows(file.rows_f32(table), expected)

    def test_numbers_that_are_not_finite(self):
        for bad in (math.nan, math.inf, -math.inf):
            scales = packed([1, 1, bad, 1, 1, 1], "F32")
            for name, write in WRITERS:
                self.write(name, write({"emb.weight": ("I8", [6, 10], bytes(60)), "emb.weight_scale": ("F32", [6], scales)}))
                self.refuses(name, "table emb.weight, row 2: a scale of it is not finite")

    def test_scales_are_no_tables(self):
        tensors, _ = self.made(random.Random(3), "I8", 9, 6, ([9, 2], lambda i, j: i * 2 + j // 3))
        self.write("m.safetensors", safetensors(tensors))
        self.fails("convert", "m.safetensors", "--table", "*scale", "-o", "o", says=["no input has a table"])
        self.assertNotIn("left out", self.passes("inspect", "m.safetensors"))
        self.write("m.pt", state(tensors))
        listing = json.loads(self.passes("inspect", "m.pt", "--json"))
        self.assertEqual([table["name"] for table in listing["tables"]], ["emb.weight"])
        self.assertEqual(listing["left_out"], [])
        self.passes("convert", "m.pt", "--format", "f32", "-o", "a")
        self.passes("convert", "m.safetensors", "--format", "f32", "-o", "b")
        self.passes("diff", "a", "b")
        self.assertIn("emb.weight", self.passes("verify", "a", "--against", "m.pt"))

    def test_packed_bytes_stay_packed(self):
        self.write("m.safetensors", safetensors({"e": ("U8", [5, 12], bytes(60)), "e_scale": ("F32", [5, 1], bytes(20))}))
        file = self.convert("m.safetensors", "--packed", "e=int8", form="int8")
        self.assertEqual(sorted(file.tables()), ["e", "e_scale"])

    def test_of_a_table_file(self):
        """Tables of rowpool's own files are no codes, whatever their names are."""
        tensors, _ = self.made(random.Random(4), "I8", 9, 6, ([9, 1], lambda i, j: i))
        tensors = {"e.weight": ("F32", [9, 6], bytes(216)), "e.weight_scale": tensors["emb.weight_scale"]}
        self.write("f.safetensors", safetensors(tensors))
        self.convert("f.safetensors", form="int8", out="t.safetensors")
        self.assertEqual(sorted(self.convert("t.safetensors", form="f32").tables()), ["e.weight", "e.weight_scale"])


class Shards(ScalesTest):
    def write_shards(self, shards):
        for name, tensors in shards.items():
            self.write(name, safetensors(tensors))
        where = {tensor: name for name, tensors in shards.items() for tensor in tensors}
        return self.write("model.safetensors.index.json", json.dumps({"weight_map": where}))

    def test_scales_in_another_shard(self):
        codes = ("I8", [6, 2], bytes(range(12)))
        scales = ("F32", [6, 1], packed([0.5] * 6, "F32"))
        expected = [[i, i + 0.5] for i in range(6)]
        for first, second in (({"e.weight": codes}, {"e.weight_scale": scales}),
                              ({"e.weight_scale": scales, "fc": FC}, {"e.weight": codes})):
            index = self.write_shards({"1.safetensors": first, "2.safetensors": second})
            file = self.warns(index, "--format", "f32")
            self.assertEqual(file.rows_f32("e.weight"), expected)
            self.assertNotIn("e.weight_scale", file.tables())

    def test_in_none(self):
        index = self.write_shards({"1.safetensors": {"e.weight": ("I8", [6, 2], bytes(12))}, "2.safetensors": {"fc": FC}})
        self.warns(index, says=["e.weight (I8 6 x 2): codes without what they stand for"])


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
