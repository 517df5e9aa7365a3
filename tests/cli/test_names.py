"""Names of tables and of rows: no number becomes one in silence, and each can be told from the others."""
import json
import os

from checkpoints import checkpoint, storage, tensor
from support import ConvertTest, npy, npz, safetensors
from test_word2vec import word2vec


class Names(ConvertTest):
    def test_one_name_in_two_inputs(self):
        os.mkdir(self.path("b"))
        self.write("e.npy", npy([1] * 3, (1, 3)))
        self.write("b/e.npy", npy([2] * 3, (1, 3)))
        line = self.fails("convert", "e.npy", "b/e.npy", "-o", "out", says="two tables would be called e")
        self.assertIn("--table 'e.npy:e=NAME' --table 'b/e.npy:e=OTHER'", line)
        options = ["--table", "e.npy:e=x", "--table", "b/e.npy:*=y", "--format", "f32"]
        file = self.warns("e.npy", "b/e.npy", *options)
        self.assertEqual([file.rows_f32(name)[0][0] for name in ("x", "y")], [1, 2])
        self.fails("convert", "e.npy", "b/e.npy", "--table", "c/e.npy:e", "-o", "out", says="no input has a table")

    def test_of_members(self):
        for name in ("a.npz", "b.npz"):
            self.write(name, npz({"e": npy([1] * 3, (1, 3))}))
        file = self.warns("a.npz", "b.npz", "--table", "a.npz:e", "--table", "b.npz:e=f")
        self.assertEqual(sorted(file.tables()), ["e", "f"])

    def test_equal_signs(self):
        tensors = {name: ("F32", [1, 3], bytes(12)) for name in ("a=b", "a", "x = y = z")}
        self.write("m.safetensors", safetensors(tensors))
        for option, name in (("a=b", "a=b"), ("a=b=c", "c"), ("x = y = z", "x = y = z"), ("x = y = z=n", "n"),
                             ("a=c", "c"), ("x*=n", "n")):
            self.assertEqual(self.warns("m.safetensors", "--table", option).tables(), [name], option)

    def test_one_that_no_file_can_hold(self):
        t = tensor(storage("0", 6), (2, 3))
        self.write("m.pt", checkpoint({"a": t, b"x\ny": t, "": t}, {"0": bytes(24)}))
        file = self.warns("m.pt", says=[["left out: x\\x0ay", "no name for a table file"]])
        self.assertEqual(sorted(file.tables()), ["a", "m"])
        self.assertIn("renamed", self.warns("m.pt", "--table", "x*=renamed").tables())


class Text(ConvertTest):
    def names(self, file, table="v"):
        return file.tensor(file.record(table)["names"]).decode().split("\n")

    def reads(self, text, rows, names, *options):
        self.write("v.txt", text)
        file = self.warns("v.txt", "--format", "f32", *options)
        self.assertEqual(file.rows_f32("v"), rows)
        self.assertEqual(self.names(file) if names else file.record("v").get("names"), names)

    def test_numbers_only(self):
        for text in ("1.5 2 3\n4 5 6\n", "1e-3\t2\n3\t4\n", " 1 2 3\n -4 5 6\n", "7 8\n", "1 2 3\n" * 50):
            self.write("v.txt", text)
            self.refuses("v.txt", "all lines are of numbers only", "--names-column yes", "--names-column no")
        self.reads("1.5 2 3\n4 5 6\n", [[2, 3], [5, 6]], ["1.5", "4"], "--names-column", "yes")
        self.reads("1.5 2 3\n4 5 6\n", [[1.5, 2, 3], [4, 5, 6]], None, "--names-column", "no")
        self.reads(" 1 2\n 4 5\n", [[1, 2], [4, 5]], None, "--names-column", "no")
        self.reads("2 3\n1 2 3\n4 5 6\n", [[1, 2, 3], [4, 5, 6]], None, "--names-column", "no")
        self.reads("a 1 2\n4 5 6\n", [[1, 2], [5, 6]], ["a", "4"])
        self.reads("2 2\n0 1 2\n1 5 6\n", [[1, 2], [5, 6]], ["0", "1"])
        self.write("v.txt", "1 2\na 3\n")
        self.refuses("v.txt", ":2: 'a' is no number", options=["--names-column", "no", "--format", "f32"])
        self.assertEqual(self.run_command("convert", "v.txt", "--names-column", "maybe", "-o", "x").returncode, 2)

    def test_headers_that_contradict_their_rows(self):
        for text, says in (("2 2\nthe 0.1 0.2 0.3 0.4\na 0.5 0.6 0.7 0.8\n", ":2: more than 2 numbers"),
                           ("2 2\nthe 1 2 3\na 4 5 6\n", ":1: the header says 2 numbers a row, but each has more"),
                           ("2 3\nthe 1 2\na 1 2\n", ":1: the header says 3 numbers a row, but line 2 has a name and 2"),
                           ("2 5\nthe 1 2 3\na 1 2 4\n", ":1: the header says 5 numbers a row"),
                           ("2 7\nthe 1\na 2\n", ":1: a header of 2 rows of 7 numbers, but rows of 1")):
            self.write("v.txt", text)
            self.refuses("v.txt", says)
        self.reads("2 1\nto 3 1\nof 5 2\n", [[1], [2]], ["to 3", "of 5"], "--names-column", "yes")

    def test_first_names_of_several_words(self):
        self.reads(". . . 1 2 3\nthe 4 5 6\n", [[1, 2, 3], [4, 5, 6]], [". . .", "the"])
        self.reads("New York\t0.5\t1\nSan Jose\t2\t3\n", [[0.5, 1], [2, 3]], ["New York", "San Jose"])
        self.write("v.txt", "the 1 2\n$ 5 3 4\n")
        self.refuses("v.txt", ':2: more than 2 numbers; if the last word of a name is a number, a first line "rows')

    def test_blank_ends(self):
        for end in ("\n", "\n\n", "\n \n\t\r\n", "\r\n\r\n"):
            self.reads("a 1 2\nb 3 4" + end, [[1, 2], [3, 4]], ["a", "b"])
        self.reads("2 2\na 1 2\nb 3 4\n\n", [[1, 2], [3, 4]], ["a", "b"])
        self.write("v.txt", "\n \n")
        self.refuses("v.txt", "empty")

    def test_empty_and_blank_tokens(self):
        self.reads("3 2\nthe 1 2\n 3 4\nking 5 6\n", [[1, 2], [3, 4], [5, 6]], ["the", "", "king"])
        self.reads("2 2\n  3 4\nking 5 6\n", [[3, 4], [5, 6]], [" ", "king"])

    def test_bad_lines_are_skipped_when_told(self):
        text = "a 1 2\nb 3\nc x 4\n\nd 5 6 7\ne 8 9\n"
        self.write("v.txt", text)
        self.refuses("v.txt", ":2: a name and 1 numbers, expected 2")
        file = self.warns("v.txt", "--on-bad-line", "skip", "--format", "f32", says=[
            ["v.txt: skipped 4 bad lines: 2 (a name and 1 numbers, expected 2), 3 ('x' is no number", "4 (an empty line)",
             ", ..."]])
        self.assertEqual((file.rows_f32("v"), self.names(file)), ([[1, 2], [8, 9]], ["a", "e"]))
        self.write("v.txt", "4 2\n" + "a 1 2\nb 3\nc 5 6\nd 7 8\n")
        self.warns("v.txt", "--on-bad-line", "skip", says=["skipped 1 bad line: 3 ("])
        self.write("v.txt", "5 2\n" + "a 1 2\nb 3\nc 5 6\nd 7 8\n")
        self.refuses("v.txt", "says 5 rows, but 3 follow", options=["--on-bad-line", "skip"])
        self.write("v.txt", "2 2\n" + "0 1 2\n1 3 4\n" * 2)
        self.refuses("v.txt", "says 2 rows, but 4 follow", "--on-bad-line skip")
        file = self.warns("v.txt", "--on-bad-line", "skip", says=["skipped 2 bad lines: 4 (beyond the 2 rows"])
        self.assertEqual(self.names(file), ["0", "1"])

    def test_skipping_among_many_rows(self):
        lines = [f"w{i} {i} {i / 8}" if i % 7 else f"bad{i} x" for i in range(1, 30000)]
        self.write("v.txt", "\n".join(lines))
        file = self.warns("v.txt", "--on-bad-line", "skip", "--format", "f32", says=["skipped 4285 bad lines: 7 ("])
        self.assertEqual(file.rows_f32("v"), [[float(i), i / 8] for i in range(1, 30000) if i % 7])


    def test_other_commands_have_the_options(self):
        self.write("v.txt", "1 2 3\n4 5 6\n")
        self.passes("convert", "v.txt", "--names-column", "no", "--format", "f32", "-o", "out")
        self.assertIn("would make 1 table", self.passes("inspect", "v.txt", "--names-column", "no"))
        self.passes("diff", "v.txt", "out", "--names-column", "no")
        self.passes("verify", "out", "--against", "v.txt", "--names-column", "no")
        for command in (["diff", "v.txt", "out"], ["verify", "out", "--against", "v.txt"], ["inspect", "v.txt"]):
            self.fails(*command, says=["v.txt: all lines are of numbers only", "--names-column no"])


class SpacedNames(ConvertTest):
    def test_refused_where_they_can_be_told(self):
        values = [0.37, -0.61, 0.83, -0.29, 0.71]
        for at in range(4):
            for spaced in (b"New York", b"San Francisco Bay", b"Los Angeles"):
                for end in (b"", b"\n"):
                    rows = [(name, values) for name in (b"the", b"of", b"and", b"king")]
                    rows[at] = (spaced, values)
                    self.write("v.bin", word2vec(rows, end=end))
                    self.refuses("v.bin", f"row {at} at byte", "its name seems to be '" + spaced.decode() + "'")

    def test_an_empty_name_is_one(self):
        self.write("v.bin", word2vec([(b"a", [1.0, 2.0]), (b"", [3.0, 4.0])], end=b""))
        file = self.warns("v.bin", "--format", "f32")
        self.assertEqual(file.rows_f32("v"), [[1, 2], [3, 4]])


class FirstRows(ConvertTest):
    def names(self, file, table):
        return file.tensor(file.record(table)["names"]).decode().split("\n")

    def test_limit(self):
        self.write("v.vec", "".join(f"w{i} {i} 2 3\n" for i in range(9)))
        self.write("e.npy", npy([1, 2, 3, 4, 5, 6], (2, 3)))
        for limit in (1, 3, 9, 10**18):
            file = self.warns("v.vec", "e.npy", "--limit", str(limit), "--format", "f32")
            rows = min(limit, 9)
            self.assertEqual(file.rows_f32("v"), [[float(i), 2.0, 3.0] for i in range(rows)])
            self.assertEqual(self.names(file, "v"), [f"w{i}" for i in range(rows)])
            self.assertEqual(len(file.rows_f32("e")), min(limit, 2))
            self.assertIn("all checksums match", self.passes("verify", "out"))
        for bad in ("0", "-1", "x", "1.5"):
            self.assertEqual(self.run_command("convert", "v.vec", "--limit", bad, "-o", "o").returncode, 2)

    def test_limit_and_padding(self):
        self.write("e.npy", npy([float(i) for i in range(12)], (4, 3)))
        self.passes("convert", "e.npy", "--padding-idx", "e=3", "-o", "p")
        self.passes("convert", "p", "--limit", "2", "-o", "q")
        self.assertIsNone(json.loads(self.passes("inspect", "q", "--json"))["tables"][0]["padding_index"])
        self.write("k.npy", npy([0, 2], (2,), "i8"))
        self.passes("convert", "e.npy", "--keep", "k.npy", "-o", "p")
        self.fails("convert", "p", "--limit", "1", "-o", "q", says=["p: table e", "order of ids", "--keep"])

    def test_names(self):
        self.write("e.npy", npy([float(i) for i in range(9)], (3, 3)))
        for name, text in (("vocab.txt", "a\nb c\n\n"), ("vocab", "a\r\nb c\r\n\r\n"), ("v.tsv", "a\nb c\n\n"),
                           ("m.tsv", "word\tcount\na\t1\nb c\t2\n\t3\n")):
            self.write(name, text)
            self.assertEqual(self.names(self.warns("e.npy", "--names", name), "e"), ["a", "b c", ""])
        file = self.warns("e.npy", "--names", "vocab.txt", "--limit", "2")
        self.assertEqual(self.names(file, "e"), ["a", "b c"])

    def test_names_that_are_refused(self):
        self.write("e.npy", npy([float(i) for i in range(9)], (3, 3)))
        self.write("f.npy", npy([float(i) for i in range(9)], (3, 3)))
        for text, says in (("a\nb\n", "2 names for 3 rows"), ("a\nb\nc\nd", "4 names for 3 rows"), ("", "0 names"),
                           ("a\nb\0\nc\n", "NUL"), ('{"a": 0}', "JSON")):
            self.write("names", text)
            self.fails("convert", "e.npy", "--names", "names", "-o", "out", says=["names: ", says])
        self.write("names", "a\nb\nc\n")
        self.fails("convert", "e.npy", "f.npy", "--names", "names", "-o", "out", says=["one table", "e, f"])
        self.assertEqual(self.names(self.warns("e.npy", "f.npy", "--table", "f", "--names", "names"), "f"), ["a", "b", "c"])
        self.fails("convert", "e.npy", "--names", "missing", "-o", "out", says="missing")
