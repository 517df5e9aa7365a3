"""Codes of 8 bits with their scales beside them, in safetensors files, their shards and checkpoints."""
import json
import math
import random

from scales import BYTES, number, packed, rounded, state, WRITERS, FC, ScalesTest
from support import f32, safetensors


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
