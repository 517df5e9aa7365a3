"""inspect, verify, export and nearest, and what holds for every command."""
import json
import os
import struct
import subprocess

import support
from support import CommandTest, npy, read_npy, safetensors


class Files(CommandTest):
    """inspect, verify and export, of a rowpool file with two tables and of a foreign one."""

    def setUp(self):
        super().setUp()
        self.write("a.npy", npy([0, 1, 2, 3, 255, 510], (2, 3)))
        self.write("words.vec", "cat 1 2\ndog 3 4\n")
        self.passes("convert", "a.npy", "words.vec", "--format", "int8", "-o", "t.safetensors")
        self.write("f.safetensors", safetensors({"m": ("BF16", [2, 1], struct.pack("<2H", 0x3F80, 0x4000))}))

    def test_inspect(self):
        lines = self.passes("inspect", "t.safetensors").splitlines()
        self.assertRegex(lines[0], r"^t\.safetensors: \d+ bytes, header 4096, written by rowpool")
        self.assertEqual(lines[1].split()[:6], ["table", "rows", "dim", "format", "bytes", "share"])
        self.assertEqual(lines[2].split()[:5], ["a", "2", "3", "int8", "22"])
        self.assertEqual(lines[3].split()[:5], ["words", "2", "2", "int8", "20"])
        self.assertTrue(lines[2].endswith("a.npy") and lines[3].endswith("words.vec"))
        self.assertEqual(len(lines), 4)

    def test_inspect_json(self):
        file = json.loads(self.passes("inspect", "t.safetensors", "--json"))
        self.assertEqual((file["bytes"], file["header_bytes"], file["has_metadata"]),
                         (len(self.read("t.safetensors")), 4096, True))
        a, words = file["tables"]
        self.assertEqual(a | {"error": None}, {
            "name": "a", "rows": 2, "dim": 3, "format": "int8", "row_stride": 11, "bytes": 22, "ids": 2,
            "hot_rows": None, "padding_index": None, "has_row_names": False,
            "quantization": "min-max (PyTorch prepack)", "error": None, "source": "a.npy"})
        self.assertTrue(words["has_row_names"])

    def test_inspect_foreign(self):
        self.assertIn("without rowpool metadata", self.passes("inspect", "f.safetensors"))
        (table,) = json.loads(self.passes("inspect", "f.safetensors", "--json"))["tables"]
        self.assertEqual((table["format"], table["error"], table["source"]), ("bf16", None, ""))

    def test_inspect_does_not_read_the_names(self):
        data = self.read("t.safetensors")
        self.assertEqual(data.count(b"cat\ndog"), 1)
        self.write("t.safetensors", data.replace(b"cat\ndog", b"cat-dog"))
        self.assertIn(" yes ", self.passes("inspect", "t.safetensors"))

    def test_verify(self):
        size = len(self.read("t.safetensors"))
        self.assertEqual(self.passes("verify", "t.safetensors"),
                         f"t.safetensors: 2 tables, {size} bytes, all checksums match\n")
        self.assertIn("1 table, ", self.passes("verify", "f.safetensors"))
        self.assertIn("no checksums to compare with", self.passes("verify", "f.safetensors"))

    def test_verify_names_the_damage(self):
        data = bytearray(self.read("t.safetensors"))
        data[4096 + 3] ^= 1
        self.write("t.safetensors", bytes(data))
        self.fails("verify", "t.safetensors", says=["t.safetensors", "a", "4096"])

    def test_export(self):
        self.passes("export", "t.safetensors", "a", "-o", "out.npy")
        self.assertEqual(read_npy(self.read("out.npy")), ("<f4", (2, 3), self.decoded()))
        self.passes("export", "f.safetensors", "m", "-o", "out.npy")
        self.assertEqual(read_npy(self.read("out.npy")), ("<f4", (2, 1), [1, 2]))

    def decoded(self):
        values = []
        for row in [[0, 1, 2], [3, 255, 510]]:
            data = support.int8_row(row)
            scale, bias = struct.unpack_from("<ff", data, 3)
            values += [support.f32(support.f32(scale * code) + bias) for code in data[:3]]
        return values

    def test_export_of_many_blocks(self):
        values = [i % 1000 / 8 for i in range(40000 * 64)]
        self.write("big.npy", npy(values, (40000, 64)))
        self.passes("convert", "big.npy", "--format", "f16", "-o", "big")
        self.passes("export", "big", "big", "-o", "out.npy")
        self.assertEqual(read_npy(self.read("out.npy")), ("<f4", (40000, 64), values))

    def test_unknown_tables_and_files(self):
        self.fails("export", "t.safetensors", "b", "-o", "out.npy", says=["t.safetensors", "b"])
        for command in ("inspect", "verify"):
            self.fails(command, "missing", says=["missing", "No such file"])
        self.fails("verify", "a.npy", says=["a.npy: no table file", "rowpool convert a.npy"])
        for command in ("inspect", "verify"):
            self.fails(command, ".", says=".")

    def test_hostile_headers(self):
        def header(text, data=b"\0" * 8):
            return struct.pack("<Q", len(text)) + text + data
        cases = {
            "duplicate": b'{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},'
                         b'"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}',
            "overlap": b'{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},'
                       b'"b":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]}}',
            "oversized": b'{"a":{"dtype":"F32","shape":[1,4],"data_offsets":[0,16]}}',
            "lying": b'{"a":{"dtype":"F32","shape":[1,3],"data_offsets":[0,8]}}',
            "overflowing": b'{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,8]}}',
            "not utf-8": b'{"\xff":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}',
        }
        for name, text in cases.items():
            with self.subTest(name):
                self.write("bad.safetensors", header(text))
                self.fails("inspect", "bad.safetensors", says="bad.safetensors")


class Nearest(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("w.vec", "cat 1 0\ndog 0.9 0.1\nfish 0 1\nbird -1 0\nnothing 0 0\ncat 5 5\nlong name 0.8 0.6\n")
        self.passes("convert", "w.vec", "--format", "f32", "-o", "w")

    def test_order_and_scores(self):
        self.assertEqual(self.passes("nearest", "w", "w", "cat", "-k", "3"),
                         "0.994  dog\n0.800  long name\n0.000  fish\n")

    def test_a_bag_of_names(self):
        self.assertEqual(self.passes("nearest", "w", "w", "cat", "fish").splitlines()[0], "0.990  long name")

    def test_names_that_are_there_twice_or_hold_blanks(self):
        names = [line.split("  ")[1] for line in self.passes("nearest", "w", "w", "long name").splitlines()]
        self.assertEqual(names, ["cat", "dog", "cat", "fish", "bird"])

    def test_refusals(self):
        self.fails("nearest", "w", "w", "horse", says=["w", "no row named horse"])
        self.fails("nearest", "w", "w", "fis", says="names that contain it: fish")
        self.fails("nearest", "w", "w", "nothing", says="without a direction")
        self.fails("nearest", "w", "x", "cat", says="x")
        self.fails("nearest", "w", "w", status=2, says="NAME")
        self.write("a.npy", npy([1, 2], (1, 2)))
        self.passes("convert", "a.npy", "-o", "a")
        self.fails("nearest", "a", "a", "cat", says=["a: table a carries no row names"])

    def test_names_cannot_command_the_terminal(self):
        self.write("e.vec", b"red\x1b[31m 1 0\nplain 1 1\n")
        self.passes("convert", "e.vec", "-o", "e")
        self.assertEqual(self.passes("nearest", "e", "e", "plain"), "0.707  red\\x1b[31m\n")


    def test_names_in_brackets_are_taken_literally(self):
        self.write("b.vec", "a 1 0\n[a] 0 1\n[b,c] 0.8 0.6\n[[a]] -1 0\n")
        self.passes("convert", "b.vec", "--format", "f32", "-o", "b")
        self.assertEqual(self.passes("nearest", "b", "b", "[a]", "-k", "1"), "0.600  [b,c]\n")
        self.assertEqual(self.passes("nearest", "b", "b", "[b,c]", "-k", "1"), "0.800  a\n")
        self.assertEqual(self.passes("nearest", "b", "b", "[[a]]", "-k", "1"), "0.000  [a]\n")

    def test_messages_stay_short_and_harmless(self):
        long = "x" * 5000
        self.write("l.vec", f"{long} 1\n{long}y 2\n{long}z 3\n".encode())
        self.passes("convert", "l.vec", "-o", "l")
        self.assertLess(len(self.fails("nearest", "l", "l", "xx", says="contain it: xxx")), 600)
        self.write("c.vec", "a\u009b31m 1\n")
        self.passes("convert", "c.vec", "-o", "c")
        self.assertNotIn("\u009b", self.fails("nearest", "c", "c", "31", says="a\\xc2\\x9b31m"))
        self.assertIn("c??m", self.fails("inspect", "c\u009bm"))

    def test_count(self):
        for count in ("abc", "-1", "99999999999999999999", "1.5", " 1", ""):
            with self.subTest(count):
                self.assertLess(len(self.fails("nearest", "w", "w", "cat", "-k", count, says="-k", status=2)), 120)


class Command(CommandTest):
    def test_unknown_command_is_named(self):
        self.fails("frobnicate", says="'frobnicate'", status=2)
        self.fails("--frobnicate", says="'--frobnicate'", status=2)

    def test_empty_arguments(self):
        for args in [["inspect", ""], ["verify", ""], ["export", "a", "", "-o", "b"], ["convert", "", "-o", "b"],
                     ["convert", "a", "-o", ""]]:
            with self.subTest(args):
                self.fails(*args, says="must not be empty", status=2)

    def test_usage(self):
        for args in [[], ["frobnicate"], ["--frobnicate"], ["convert"], ["convert", "a.npy"],
                     ["convert", "a", "-o", "b", "--format", "int5"], ["inspect"], ["inspect", "a", "b"],
                     ["verify", "a", "--json"], ["export", "a", "-o", "b"], ["nearest", "a", "b", "c", "-k", "x"],
                     ["nearest", "a", "b", "c", "-k", "-1"]]:
            with self.subTest(args):
                self.fails(*args, status=2)

    def test_help_and_version(self):
        self.assertIn("convert", self.passes("--help"))
        for command in "convert inspect verify pool export nearest".split():
            self.assertIn("FILE", self.passes(command, "--help"))
        self.assertRegex(self.passes("--version"), r"^rowpool \d+\.\d+\.\d+\ninstruction set in use: \w+\n")

    def test_instruction_set_of_the_environment(self):
        self.write("a.npy", npy([1, 2], (1, 2)))
        self.fails("convert", "a.npy", "-o", "out", env={"ROWPOOL_ISA": "sse9"}, says=["ROWPOOL_ISA", "sse9"])
        self.passes("convert", "a.npy", "-o", "out", env={"ROWPOOL_ISA": "generic"})
        self.fails("inspect", "out", env={"ROWPOOL_ISA": "sse9"}, says=["ROWPOOL_ISA", "sse9"])

    def test_closed_pipe_is_quiet(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        done = subprocess.run([support.ROWPOOL, "--help"], stdout=write_end, stderr=subprocess.PIPE)
        os.close(write_end)
        self.assertEqual(done.stderr, b"")
        self.assertNotEqual(done.returncode, 0)

    def test_full_standard_output(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([support.ROWPOOL, "--help"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"rowpool: cannot write to standard output: No space left on device\n", done.stderr)
