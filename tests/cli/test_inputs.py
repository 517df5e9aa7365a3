"""convert: which tables of an input are taken, and inputs of several members or files."""
import json
import os
import random
import struct
import zipfile

from checkpoints import checkpoint, storage, tensor
from support import (CommandTest, Safetensors, flat, int4_row, int8_row, npy, npy_header, npy_raw, npz, random_rows,
                     safetensors)


class Selecting(CommandTest):
    def setUp(self):
        super().setUp()
        names = ["user_id", "user_age", "item", "sub/item", "[x]"]
        tensors = {name: ("F32", [1, 1], struct.pack("<f", i)) for i, name in enumerate(names)}
        self.write("m.safetensors", safetensors(tensors))

    def selected(self, *options):
        self.passes("convert", "m.safetensors", *options, "--format", "f32", "-o", "out")
        file = Safetensors(self.read("out"))
        return {name: file.rows_f32(name)[0][0] for name in file.tables()}

    def test_patterns(self):
        self.assertEqual(list(self.selected("--table", "user_*")), ["user_id", "user_age"])
        self.assertEqual(list(self.selected("--table", "*item", "--table", "user_??")), ["item", "sub/item", "user_id"])
        self.assertEqual(list(self.selected("--table", "[tuv]ser_[!i]*")), ["user_age"])
        self.assertEqual(list(self.selected("--table", "[x]")), ["[x]"])
        self.assertEqual(list(self.selected("--table", "user_id", "--table", "*_id")), ["user_id"])

    def test_excluding(self):
        self.assertEqual(list(self.selected("--exclude", "*item", "--exclude", "[x]")), ["user_id", "user_age"])
        self.assertEqual(list(self.selected("--table", "user_*", "--exclude", "*_age")), ["user_id"])

    def test_renaming(self):
        self.assertEqual(self.selected("--table", "user_*=u.*.emb"), {"u.id.emb": 0, "u.age.emb": 1})
        self.assertEqual(self.selected("--table", "user_i?=id"), {"id": 0})
        self.assertEqual(self.selected("--table", "item", "--table", "item=copy"), {"item": 2, "copy": 2})

    def refuses(self, *options, says):
        self.fails("convert", "m.safetensors", *options, "-o", "out", says=says)

    def test_what_matches_nothing(self):
        listed = "there are user_id, user_age, item, sub/item, [x]"
        self.refuses("--table", "user", says=["no input has a table user", listed])
        self.refuses("--table", "item", "--table", "x*", says=["no input has a table x*", listed])
        self.refuses("--table", "ser", says=["no input has a table ser", listed + ", some of which '*ser*' matches\n"])
        self.refuses("--exclude", "x*", says=["no input has a table x*", listed])
        self.refuses("--exclude", "*", says="--exclude leaves no table")

    def test_names_that_clash(self):
        self.refuses("--table", "user_*=user", says=["two tables would be called user", "--table"])
        self.refuses("--table", "*item=item", says="two tables would be called item")
        self.refuses("--table", "u?er_*=*", says="a pattern with one *")
        self.refuses("--table", "item=", says="no name for a table file")
        self.refuses("--table", "item=" + "x" * 1001, says=["no name for a table file", "1000 bytes"])

    def test_two_inputs_with_one_name(self):
        self.write("item.npy", npy([7], (1, 1)))
        says = ["two tables would be called item", "m.safetensors", "item.npy"]
        self.fails("convert", "m.safetensors", "item.npy", "-o", "out", says=says)
        self.fails("convert", "item.npy", "item.npy", "-o", "out", says="two tables would be called item")


class Formats(CommandTest):
    def formats(self, *options):
        self.passes("convert", "f.npy", "q.safetensors", *options, "-o", "out")
        file = Safetensors(self.read("out"))
        return [file.record(name)["format"] for name in file.tables()]

    def test_coded_rows_keep_their_format_unless_told(self):
        self.write("f.npy", npy([1, 2, 3], (1, 3)))
        self.write("q.npy", npy([1, 2], (1, 2)))
        self.convert("q.npy", form="int4", out="q.safetensors")
        self.assertEqual(self.formats(), ["int8", "int4"])
        self.assertEqual(self.formats("--format", "int8"), ["int8", "int8"])


class Packed(CommandTest):
    def setUp(self):
        super().setUp()
        self.rows = random_rows(random.Random(3), 5, 6)
        self.int8 = b"".join(map(int8_row, self.rows))
        self.int4 = b"".join(map(int4_row, self.rows))

    def taken(self, name, table, content, *options, form="int8"):
        self.passes("convert", name, *options, "-o", "out")
        file = Safetensors(self.read("out"))
        self.assertEqual(file.tables(), [table])
        self.assertEqual(file.tensor(table), content)
        self.assertEqual((file.record(table)["format"], file.record(table)["dim"]), (form, 6))
        self.assertEqual(file.record(table)["quantization"], "as in the source")
        self.assertIn("all checksums match", self.passes("verify", "out"))

    def test_rows_are_taken_as_they_are(self):
        self.write("m.safetensors", safetensors({"q": ("U8", [5, 14], self.int8), "b": ("U8", [2, 2], b"1234")}))
        self.write("q.npy", npy_raw(npy_header("|u1", (5, 14)), self.int8))
        self.write("a.npz", npz({"q": self.read("q.npy")}, zipfile.ZIP_DEFLATED))
        self.write("m.pt", checkpoint({"q": tensor(storage("0", 70, "Byte"), (5, 14))}, {"0": self.int8}))
        for name in ("m.safetensors", "q.npy", "a.npz", "m.pt"):
            self.taken(name, "q", self.int8, "--packed", "q=int8")
        self.taken("m.safetensors", "q", self.int8, "--packed", "[pq]*=int8", "--format", "int8")

    def test_columns_follow_from_bytes(self):
        self.write("m.npy", npy_raw(npy_header("|u1", (5, 7)), self.int4))
        self.taken("m.npy", "m", self.int4, "--packed", "*=int4", form="int4")
        self.taken("m.npy", "m", self.int4, "--packed", "*=tbe-int4", form="tbe-int4")

    def test_strided_rows(self):
        wide = b"".join(self.int8[i : i + 14] + b"xx" for i in range(0, 70, 14))
        self.write("m.pt", checkpoint({"q": tensor(storage("0", 80, "Byte"), (5, 14), (16, 1))}, {"0": wide}))
        self.taken("m.pt", "q", self.int8, "--packed", "q=int8")
        columns = bytes(self.int8[row * 14 + i] for i in range(14) for row in range(5))
        self.write("m.npy", npy_raw(npy_header("|u1", (5, 14), fortran=True), columns))
        self.taken("m.npy", "m", self.int8, "--packed", "m=int8")

    def test_to_another_format(self):
        self.write("m.npy", npy_raw(npy_header("|u1", (1, 10)), int8_row([1, 3])))
        self.passes("convert", "m.npy", "--packed", "m=int8", "--format", "f32", "-o", "out")
        self.assertEqual(Safetensors(self.read("out")).rows_f32("m"), [[1, 3]])

    def test_refusals(self):
        self.write("m.safetensors", safetensors({"q": ("U8", [1, 3], b"123"), "f": ("F32", [1, 1], bytes(4))}))
        self.fails("convert", "m.safetensors", "--packed", "q=int8", "-o", "out",
                   says=["m.safetensors: tensor q", "rows of 3 bytes are no int8 rows, of which the shortest has 9;",
                         "--packed must match none but packed rows"])
        self.write("b.safetensors", safetensors({"q": ("U8", [1, 3], b"123")}))
        self.fails("convert", "b.safetensors", "-o", "out", says=["no table in it", "--packed NAME=FORMAT"])
        self.fails("convert", "m.safetensors", "--packed", "f=int8", "-o", "out", says=["no input has", "others are q"])
        for option in ("q", "q=f32", "q=int7", "=int8"):
            done = self.run_command("convert", "m.safetensors", "--packed", option, "-o", "out")
            self.assertEqual(done.returncode, 2)
        self.write("m.npy", npy_raw(npy_header("|u1", (1, 10)), int8_row([1, 3])))
        self.fails("convert", "m.npy", "-o", "out", says=["m.npy", "--packed 'm=int8'"])


class Npz(CommandTest):
    def test_matrices_become_tables(self):
        arrays = {"a": npy([1, 2, 3, 4], (2, 2)), "sub/b": npy([1, 2, 3, 4], (2, 2), "f8", order=">", fortran=True),
                  "vector": npy([1], (1,)), "ids": npy([1], (1, 1), "i8"),
                  "words": npy_raw(npy_header("<U1", (1, 1)), b"abcd"),
                  "bytes": npy_raw(npy_header("|u1", (1, 9)), b"x" * 9)}
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            self.write("a.npz", npz(arrays, method))
            file = self.convert("a.npz", form="f32")
            self.assertEqual(file.tables(), ["a", "sub/b"])
            self.assertEqual(file.rows_f32("a"), [[1, 2], [3, 4]])
            self.assertEqual(file.rows_f32("sub/b"), [[1, 3], [2, 4]])
            self.assertEqual(file.record("a")["source"], "a.npz:a")

    def test_many_pieces(self):
        rows = random_rows(random.Random(1), 9000, 64)  # inflated a MiB at a time
        self.write("a.npz", npz({"a": npy(flat(rows), (9000, 64))}, zipfile.ZIP_DEFLATED))
        self.assertEqual(self.convert("a.npz", form="f32").tensor("a"), struct.pack(f"<{9000 * 64}f", *flat(rows)))

    def test_nothing_is_left_in_the_temporary_folder(self):
        os.mkdir(self.path("tmp"))
        self.write("a.npz", npz({"a": npy([1] * 99, (99, 1))}, zipfile.ZIP_DEFLATED))
        self.passes("convert", "a.npz", "-o", "out", env={"TMPDIR": self.path("tmp")})
        self.assertEqual(os.listdir(self.path("tmp")), [])
        self.fails("convert", "a.npz", "-o", "out", env={"TMPDIR": "/no/folder"}, says=["temporary file", "/no/folder"])

    def test_refusals(self):
        good = npz({"a": npy([1.0] * 6, (3, 2))}, zipfile.ZIP_STORED)
        begin = good.index(b"\x93NUMPY")
        self.refuses(good[: begin + 130] + b"x" + good[begin + 131 :], "member a.npy", "CRC-32")
        self.refuses(npz({"a": npy([1.0] * 6, (3, 2))[:-1]}), "member a.npy", "bytes")
        self.refuses(npz({"a": npy([1.0] * 5 + [float("nan")], (2, 3))}), "row 1", "NaN")
        self.refuses(npz({"a\nb": npy([1], (1, 1))}), "no table in it", "no name for a table file")
        self.refuses(npz({"ids": npy([1], (1, 1), "i8")}), "no table in it")

    def refuses(self, data, *says):
        self.write("a.npz", data)
        line = self.fails("convert", "a.npz", "-o", "out", says=["a.npz", *says])
        self.assertNotIn("\n", line[:-1])


class Sharded(CommandTest):
    INDEX = "m.safetensors.index.json"

    def setUp(self):
        super().setUp()
        vector = ("F32", [1], bytes(4))
        self.write("1.safetensors", safetensors({"a": ("F32", [1, 1], struct.pack("<f", 1)), "bias": vector}))
        self.write("2.safetensors", safetensors({"b": ("F16", [1, 1], struct.pack("<e", 2))}))
        self.map = {"b": "2.safetensors", "a": "1.safetensors", "bias": "1.safetensors"}

    def index(self, weight_map):
        return json.dumps({"metadata": {"total_size": 10, "deep": [[{"weight_map": {}}]]}, "weight_map": weight_map})

    def test_all_shards_make_one_file(self):
        self.write(self.INDEX, self.index(self.map))
        file = self.convert(self.INDEX, form="f32")
        self.assertEqual([file.rows_f32(name) for name in ("a", "b")], [[[1]], [[2]]])
        self.assertEqual(file.record("b")["source"], "2.safetensors:b")

    def test_shards_lie_beside_the_index(self):
        self.write(self.INDEX, self.index(self.map))
        self.passes("convert", self.path(self.INDEX), "-o", self.path("out"))

    def test_refusals(self):
        shard = "1.safetensors"
        cases = [({**self.map, "c": "3.safetensors"}, "3.safetensors"),
                 ({**self.map, "c": shard}, "tensor c is not in"),
                 ({"a": shard, "b": shard}, "tensor b is not in"), ({"bias": shard}, "tensor a is in"),
                 ({}, "no weight_map"), (["a"], "no weight_map")]
        cases += [({"a": value}, "not of names") for value in (1, {}, ["x"], None, True, 1.5)]
        cases += [({"a": name}, "no name of a file") for name in ("../x", "/etc/passwd", "..", "", "x\ny", "a/b")]
        for weight_map, says in cases:
            self.refuses(self.index(weight_map), says)

    def test_bad_json(self):
        pair = '"a": "1.safetensors"'
        for text, says in (("", "JSON"), ("[]", "no object"), ('"x"', "no object"), ("7", "no object"), ("{", "JSON"),
                           ('{"weight_map": {%s}' % pair, "JSON"),
                           ('{"weight_map": {%s, %s}}' % (pair, pair), "tensor a twice"),
                           ('{"weight_map": {%s}, "weight_map": {}}' % pair, "weight_map twice"),
                           ('{"x": ' + "[" * 9999, "nested"), (b'{"weight_map": {"\xff": "x"}}', "JSON")):
            self.refuses(text, says)

    def test_a_table_in_two_shards(self):
        self.write("2.safetensors", self.read("1.safetensors"))
        self.refuses(self.index({"a": "1.safetensors", "bias": "2.safetensors"}),
                     "tensor a is in", "where the index does not have it")

    def refuses(self, text, *says):
        self.write(self.INDEX, text)
        self.fails("convert", self.INDEX, "-o", "out", says=[*says])


class Doubles(CommandTest):
    def test_f64_of_safetensors(self):
        self.write("m.safetensors", safetensors({"a": ("F64", [1, 2], struct.pack("<2d", 1.5, 2))}))
        self.assertEqual(self.convert("m.safetensors", form="f32").rows_f32("a"), [[1.5, 2]])
