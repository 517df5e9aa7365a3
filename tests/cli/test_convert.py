"""convert: what it writes, from which inputs, and what it refuses."""
import json
import math
import os
import random
import struct

from support import CommandTest, Safetensors, flat, int4_row, int8_row, npy, random_rows, safetensors


class Formats(CommandTest):
    def rows(self, count=40, dim=7):
        return random_rows(random.Random(count * 100 + dim), count, dim)

    def write_rows(self, name, rows):
        return self.write(name, npy(flat(rows), (len(rows), len(rows[0]))))

    def test_int8_rows_are_those_of_pytorch(self):
        rows = self.rows()
        file = self.convert(self.write_rows("items.npy", rows))
        self.assertEqual(file.header["items"]["dtype"], "U8")
        self.assertEqual(file.header["items"]["shape"], [40, 7 + 8])
        self.assertEqual(file.tensor("items"), b"".join(int8_row(row) for row in rows))

    def test_int4_rows_are_those_of_pytorch(self):
        rows = self.rows()
        file = self.convert(self.write_rows("items.npy", rows), form="int4")
        self.assertEqual(file.tensor("items"), b"".join(int4_row(row) for row in rows))

    def test_many_blocks_are_in_order(self):
        rows = self.rows(21000, 64)  # more than one block of 4 MiB, the last one not full
        file = self.convert(self.write_rows("items.npy", rows))
        for row in [0, 1023, 1024, 16383, 16384, 20999]:
            self.assertEqual(file.tensor("items")[row * 72 : row * 72 + 72], int8_row(rows[row]))

    def test_float_formats(self):
        rows = [[1.0, -2.5, 0.333251953125, 65504.0]]
        name = self.write_rows("items.npy", rows)
        self.assertEqual(self.convert(name, form="f16").tensor("items"), struct.pack("<4e", *rows[0]))
        bf16 = struct.unpack("<4H", self.convert(name, form="bf16").tensor("items"))
        self.assertEqual(bf16, (0x3F80, 0xC020, 0x3EAB, 0x4780))
        self.assertEqual(self.convert(name, form="f32").tensor("items"), struct.pack("<4f", *rows[0]))

    def test_every_format_converts_and_verifies(self):
        name = self.write_rows("items.npy", self.rows(9, 5))
        for form in "f32 f16 bf16 int8 int8-f16 int4 int2 tbe-int8 tbe-int4 tbe-int2".split():
            with self.subTest(form):
                self.convert(name, form=form)
                self.assertIn("all checksums match", self.passes("verify", "out.safetensors"))

    def test_methods_say_what_they_did_and_search_loses_least(self):
        name = self.write_rows("items.npy", self.rows(300, 64))
        errors = {}
        for method, said in (("min-max", "min-max (PyTorch prepack)"), ("greedy", "greedy (PyTorch optimized_qparams)"),
                             ("search", "search (least squares)")):
            self.passes("convert", name, "--format", "int2", "--method", method, "-o", "out.safetensors")
            table = json.loads(self.passes("inspect", "--json", "out.safetensors"))["tables"][0]
            self.assertEqual(table["quantization"], said)
            errors[method] = table["error"]["relative_l2"]
        self.assertLess(errors["search"], errors["greedy"])
        self.assertLessEqual(errors["greedy"], errors["min-max"])

    def test_greedy_is_refused_at_8_bits(self):
        self.write_rows("a.npy", self.rows(3))
        self.fails("convert", "a.npy", "--method", "greedy", "-o", "out", says="greedy quantizes to 4 or 2 bits")
        self.fails("convert", "a.npy", "--method", "best", "-o", "out", status=2,
                   says="none of min-max|greedy|search")

    def test_int8_unless_told_otherwise(self):
        self.passes("convert", self.write_rows("a.npy", self.rows(3)), "-o", "out")
        self.assertIn("int8", self.passes("inspect", "out"))

    def test_layout_of_the_file(self):
        file = self.convert(self.write_rows("b.npy", self.rows(3)), self.write_rows("a.npy", self.rows(5)))
        self.assertEqual(file.data_offset % 4096, 0)
        self.assertEqual(file.tables(), ["b", "a"])
        for name in file.tables():
            self.assertEqual(file.header[name]["data_offsets"][0] % 64, 0)

    def test_no_rows(self):
        file = self.convert(self.write("empty.npy", npy([], (0, 4))))
        self.assertEqual(file.header["empty"]["shape"], [0, 12])
        self.assertIn("all checksums match", self.passes("verify", "out.safetensors"))

    def test_error_figures_are_recorded(self):
        rows = [[0.0, 0.4, 255.0], [0.0, 0.0, 0.0]]
        self.convert(self.write_rows("items.npy", rows))
        (table,) = json.loads(self.passes("inspect", "--json", "out.safetensors"))["tables"]
        self.assertAlmostEqual(table["error"]["max_abs"], 0.4, places=6)
        self.assertAlmostEqual(table["error"]["relative_l2"], 0.4 / math.hypot(0.4, 255.0), places=9)

    def test_same_input_same_bytes(self):
        name = self.write_rows("items.npy", self.rows(3000, 33))
        self.convert(name)
        first = self.read("out.safetensors")
        self.convert(name)
        self.assertEqual(first, self.read("out.safetensors"))


class BadRows(CommandTest):
    def refuses(self, values, form, *says):
        values = [0.5] * (5000 * 64 - len(values)) + values  # in the last row, past the first chunk
        self.write("items.npy", npy(values, (5000, 64)))
        self.fails("convert", "items.npy", "--format", form, "-o", "out", says=["items.npy", "row 4999", *says])

    def test_values_that_no_code_can_hold(self):
        self.refuses([math.nan, 1.0], "int8", "column 62 is NaN")
        self.refuses([-math.inf], "int4", "column 63 is infinite")
        self.refuses([-3.4e38, 3.4e38], "int8", "scale or bias")
        self.refuses([1e6, -1e6], "int4", "scale or bias")

    def test_values_that_f16_would_make_infinite(self):
        self.refuses([65520.0], "f16", "infinite as f16")

    def test_the_first_bad_row_is_named(self):
        values = [0.5] * (5000 * 64)
        for row in (4999, 3000, 1500):
            values[row * 64] = math.nan
        self.write("items.npy", npy(values, (5000, 64)))
        self.fails("convert", "items.npy", "-o", "out", says="row 1500")

    def test_floats_keep_nan_and_infinity(self):
        self.write("items.npy", npy([math.nan, math.inf, 1.0], (1, 3)))
        values = struct.unpack("<3e", self.convert("items.npy", form="f16").tensor("items"))
        self.assertTrue(math.isnan(values[0]) and math.isinf(values[1]) and values[2] == 1.0)
        self.assertIn("items", self.passes("inspect", "out.safetensors"))


class Inputs(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("a.npy", npy([1, 2, 3, 4], (2, 2)))
        self.write("b.npy", npy([5, 6], (1, 2)))

    def test_tables_are_chosen_and_renamed(self):
        self.write("f.safetensors", safetensors({"x": ("F32", [1, 2], struct.pack("<2f", 7, 8))}))
        self.passes("convert", "a.npy", "b.npy", "f.safetensors", "--format", "f32", "--table", "x", "--table",
                    "a=users", "-o", "out")
        file = Safetensors(self.read("out"))
        self.assertEqual(file.tables(), ["x", "users"])
        self.assertEqual(file.rows_f32("users"), [[1, 2], [3, 4]])

    def test_unknown_table(self):
        self.fails("convert", "a.npy", "b.npy", "--table", "c", "-o", "out", says=["no input has a table c", "a, b"])

    def test_names_in_brackets_are_taken_literally(self):
        self.write("[a.npy,b.npy]", npy([7, 8], (1, 2)))
        self.write("[z]", "cat 1\n")
        self.passes("convert", "[a.npy,b.npy]", "[z]", "--table", "[z]", "--table", "[a.npy,b=[y]", "-o", "[o]")
        self.assertEqual(Safetensors(self.read("[o]")).tables(), ["[z]", "[y]"])

    def test_many_known_tables_are_counted(self):
        names = [f"t{i}" for i in range(9)]
        self.write("m.safetensors", safetensors({name: ("F32", [1, 1], b"\0" * 4) for name in names}))
        self.fails("convert", "m.safetensors", "--table", "x", "-o", "out", says="there are t0, t1, t2, t3, t4 and 4 more")

    def test_one_name_twice(self):
        os.mkdir(self.path("more"))
        self.write("more/a.npy", npy([1], (1, 1)))
        self.fails("convert", "a.npy", "more/a.npy", "-o", "out", says=["called a", "a.npy", "more/a.npy"])
        self.fails("convert", "a.npy", "b.npy", "--table", "a", "--table", "b=a", "-o", "out", says="b.npy")

    def test_names_that_no_table_can_have(self):
        for name in ["", "__pad.0", "a\nb"]:
            with self.subTest(name):
                self.fails("convert", "a.npy", "--table", "a=" + name, "-o", "out")

    def test_foreign_safetensors(self):
        half = struct.pack("<4e", 1, 2, 3, 4)
        self.write("f.safetensors", safetensors({"m": ("F16", [2, 2], half), "bias": ("F32", [1], b"\0" * 4)}))
        file = self.convert("f.safetensors")
        self.assertEqual(file.tables(), ["m"])
        self.assertEqual(file.tensor("m"), int8_row([1, 2]) + int8_row([3, 4]))

    def test_safetensors_without_a_table(self):
        self.write("f.safetensors", safetensors({"bias": ("F32", [1], b"\0" * 4)}))
        self.fails("convert", "f.safetensors", "-o", "out", says=["f.safetensors", "no table"])

    def test_quantized_file_to_another_format(self):
        self.convert("a.npy", out="q.safetensors")
        self.passes("convert", "q.safetensors", "--format", "f32", "-o", "out")
        self.assertEqual(flat(Safetensors(self.read("out")).rows_f32("a")), [1, 2, 3, 4])

    def test_quantized_file_to_its_own_format_is_a_copy(self):
        rows = random_rows(random.Random(5), 50, 9)
        self.write("r.npy", npy(flat(rows), (50, 9)))
        first = self.convert("r.npy", out="first.safetensors")
        second = self.convert("first.safetensors", out="second.safetensors")
        self.assertEqual(first.tensor("r"), second.tensor("r"))
        tables = [json.loads(self.passes("inspect", "--json", name))["tables"][0]
                  for name in ("first.safetensors", "second.safetensors")]
        self.assertEqual(tables[0]["error"], tables[1]["error"])
        self.assertEqual(tables[0]["quantization"], tables[1]["quantization"])

    def test_formats_that_differ_in_the_place_of_the_scale(self):
        """FBGEMM's rows and PyTorch's of the same codes: both hold what the other does."""
        rng = random.Random(20)
        for last, first in (("int8-f16", "tbe-int8"), ("int4", "tbe-int4"), ("int2", "tbe-int2")):
            for dim in (1, 4, 13, 64):
                rows = random_rows(rng, 9, dim)
                self.write("t.npy", npy(flat(rows), (9, dim)))
                old = self.convert("t.npy", form=last, out="old.safetensors")
                new = self.convert("old.safetensors", form=first, out="new.safetensors")
                size = len(old.tensor("t")) // 9
                split = [old.tensor("t")[i : i + size] for i in range(0, 9 * size, size)]
                self.assertEqual(new.tensor("t"), b"".join(row[-4:] + row[:-4] for row in split), (last, dim))
                self.assertEqual(new.record("t")["quantization"], old.record("t")["quantization"])
                self.assertEqual(self.convert("new.safetensors", form=last).tensor("t"), old.tensor("t"))

    def test_output_over_the_input(self):
        self.convert("a.npy", out="t.safetensors", form="f32")
        self.convert("t.safetensors", out="t.safetensors")
        self.assertIn("int8", self.passes("inspect", "t.safetensors"))
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.npy", "b.npy", "t.safetensors"])

    def test_what_is_no_input(self):
        os.mkdir(self.path("folder"))
        self.write("empty", b"")
        self.write("zip.npz", b"PK\x03\x04rest")
        self.write("no.npy", b"text")
        self.write("no.safetensors", b"text")
        for name, says in {"missing": "No such file", "folder": "folder", "empty": "empty", "zip.npz": "zip archive",
                           "no.npy": "no .npy file", "no.safetensors": "no.safetensors"}.items():
            with self.subTest(name):
                self.fails("convert", name, "-o", "out", says=[name, says])

    def test_a_bad_second_input_changes_nothing(self):
        self.write("out", b"precious")
        self.write("c.npy", npy([math.nan] * 3, (1, 3)))
        self.fails("convert", "a.npy", "c.npy", "-o", "out", says="c.npy")
        self.assertEqual(self.read("out"), b"precious")

    def test_every_prefix_of_a_table_file_is_refused(self):
        self.convert("b.npy")
        whole = self.read("out.safetensors")
        for size in [*range(0, 300, 7), 4095, 4096, len(whole) - 1]:
            with self.subTest(size):
                self.write("cut.safetensors", whole[:size])
                self.fails("convert", "cut.safetensors", "-o", "out", says="cut.safetensors")
