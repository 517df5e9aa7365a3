"""verify --against, diff, inspect --rows and --plot, convert --report: what they say of tables and what they refuse."""
import math
import os
import re
import struct
from html.parser import HTMLParser

from checkpoints import archive
from support import CommandTest, npy, safetensors


def columns_of(line):
    """A line of a printed table, cut at two blanks or more."""
    return re.split(r"  +", line.strip())


class Page(HTMLParser):
    """The elements, attributes and texts of a page; every element that is opened is closed, and in order."""

    VOID = ("meta",)

    def __init__(self, data):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(data.decode("utf-8"))
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.texts.append(data)


class ComparingTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("a.npy", npy([1, 2, 3, 4, 0, 0], (3, 2)))
        self.write("b.npy", npy([5, 6], (1, 2)))

    def tables(self, name, **tables):
        """A foreign file of f32 tables, each a list of rows."""
        return self.write(name, safetensors({
            table: ("F32", [len(rows), len(rows[0])], struct.pack(f"<{len(rows) * len(rows[0])}f", *sum(rows, [])))
            for table, rows in tables.items()}))

    def check_page(self, name, *texts):
        """A page that needs nothing else, runs nothing, and holds these texts."""
        page = Page(self.read(name))
        self.assertFalse({"script", "link", "img", "iframe"} & set(page.tags))
        self.assertFalse([name for name, _ in page.attributes if name.startswith("on") or name in ("href", "src")])
        for text in texts:
            self.assertTrue(any(text in shown for shown in page.texts), text)
        return page


class Against(ComparingTest):
    def verify(self, file, *sources):
        lines = self.passes("verify", file, *[arg for source in sources for arg in ("--against", source)]).splitlines()
        self.assertRegex(lines[0], "all checksums match|no checksums")
        self.assertEqual(columns_of(lines[1])[0:6], ["table", "rows", "dim", "format", "of", "max error"])
        return [columns_of(line) for line in lines[2:]]

    def test_figures_of_each_table(self):
        self.tables("new.safetensors", a=[[3, 4], [1, 0], [2, 0]], b=[[1, 1]])
        self.tables("old.safetensors", b=[[1, 1]], a=[[3, 4], [0, 1], [2, 1]])
        a, b = self.verify("new.safetensors", "old.safetensors")
        relative = math.sqrt(3 / 31)
        mean = (1 + 0 + 2 / math.sqrt(5)) / 3
        self.assertEqual(a, ["a", "3", "2", "f32", "f32", "1", f"{relative:.3g}", f"{mean:.6f}", "0.000000", "1",
                             "1.41"])
        self.assertEqual(b[5:], ["0", "0", "1.000000", "1.000000", "-", "-"])

    def test_several_sources_of_any_format(self):
        self.write("words.vec", "cat 1 2\ndog 3 5\n")
        self.passes("convert", "a.npy", "words.vec", "--format", "int8", "-o", "t")
        a, words = self.verify("t", "a.npy", "words.vec")
        self.assertEqual((a[0], a[3:5], words[0]), ("a", ["int8", "f32"], "words"))

    def test_a_single_table_needs_no_name(self):
        self.passes("convert", "a.npy", "--table", "a=users", "-o", "t")
        self.write("other.npy", npy([1, 2, 3, 4, 0, 0], (3, 2)))
        self.assertEqual(self.verify("t", "other.npy")[0][0], "users")

    def test_renamed_tables_are_found_by_their_origins(self):
        self.passes("convert", "a.npy", "b.npy", "--table", "b=items", "--table", "a", "--format", "f32", "-o", "t")
        items, a = self.verify("t", "a.npy", "b.npy")
        self.assertEqual((items[0], items[5], a[0], a[5]), ("items", "0", "a", "0"))

    def test_tables_that_only_the_source_has(self):
        self.tables("s.safetensors", x=[[1]], y=[[2]], z=[[3]])
        self.passes("convert", "s.safetensors", "--table", "y", "-o", "t")
        self.assertIn("only in the source: x, z\n", self.passes("verify", "t", "--against", "s.safetensors"))

    def test_refusals(self):
        self.passes("convert", "a.npy", "b.npy", "-o", "t")
        self.fails("verify", "t", "--against", "a.npy", says=["t: nothing to compare with for b"])
        self.tables("s.safetensors", a=[[1, 2]], b=[[1, 2]])
        self.fails("verify", "t", "--against", "s.safetensors", says=["table a is 3 x 2, but 1 x 2 in s.safetensors"])
        self.fails("verify", "t", "--against", "a.npy", "--against", "a.npy", says=["a.npy: a second table a"])
        self.fails("verify", "t", "--against", "missing", says="missing: ")
        self.write("bad.vec", "cat 1 2\ndog 3 x\nfox 1 1\n")
        self.passes("convert", "a.npy", "-o", "single")
        self.fails("verify", "single", "--against", "bad.vec", says="bad.vec:2")

    def test_damage_comes_first(self):
        self.passes("convert", "a.npy", "-o", "t")
        data = bytearray(self.read("t"))
        data[4096] ^= 1
        self.write("t", bytes(data))
        self.fails("verify", "t", "--against", "a.npy", says="wrong checksum")

    def test_rows_past_a_block(self):
        values = [i % 100 for i in range(300_000 * 16)]  # over 16 MiB of f32
        self.write("big.npy", npy(values, (300_000, 16)))
        values[299_998 * 16 + 3] += 7
        self.write("new.npy", npy(values, (300_000, 16)))
        self.passes("convert", "new.npy", "--format", "f32", "-o", "t")
        (line,) = self.verify("t", "big.npy")
        self.assertEqual((line[5], line[9]), ("7", "299998"))

    def test_values_that_are_not_finite(self):
        self.tables("old.safetensors", a=[[1, math.nan], [math.inf, 2], [1, 1]])
        self.tables("same.safetensors", a=[[1, math.nan], [math.inf, 2], [1, 1]])
        self.tables("new.safetensors", a=[[1, math.nan], [math.inf, 2], [math.nan, 1]])
        self.assertEqual(self.verify("same.safetensors", "old.safetensors")[0][5:7], ["0", "0"])
        self.assertEqual(self.verify("new.safetensors", "old.safetensors")[0][5:10], ["inf", "inf", "0.666667",
                                                                                      "0.000000", "2"])


class Remaps(ComparingTest):
    """Tables whose rows were moved or pruned are compared, printed and reported by ids."""

    def setUp(self):
        super().setUp()
        self.write("w.vec", "a 1 2\nb 3 4\nc 0 0.001\nd 5 7\ne 9 8\n")
        indices = npy([4, 4, 3], (3,), "i8")
        self.write("t.npz", archive({"w.indices.npy": indices, "w.offsets.npy": npy([0, 3], (2,), "i8")}))
        moved = ("convert", "w.vec", "--format", "f32", "--order-by-trace", "t.npz")
        self.passes(*moved, "-o", "moved")
        self.passes(*moved, "--prune-below", "1", "-o", "pruned")

    def test_verify(self):
        for file, rows in (("moved", "5"), ("pruned", "4")):
            lines = self.passes("verify", file, "--against", "w.vec").splitlines()
            self.assertEqual(columns_of(lines[2])[:7], ["w", rows, "2", "f32", "f32", "0", "0"])
        self.assertEqual(lines[3:], ["pruned, not compared: 1 of 5 ids of w"])
        self.assertNotIn("not compared", self.passes("verify", "pruned", "--against", "pruned"))

    def test_the_worst_row_is_an_id(self):
        self.write("other.vec", "a 1 2\nb 3 4\nc 0 0.001\nd 5 9\ne 9 8\n")
        lines = self.passes("verify", "pruned", "--against", "other.vec").splitlines()
        self.assertEqual(columns_of(lines[2])[9], "3")

    def test_diff(self):
        self.assertIn("  equal ", self.passes("diff", "moved", "w.vec"))
        done = self.run_command("diff", "w.vec", "pruned")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(columns_of(done.stdout.decode().splitlines()[3])[:7],
                         ["w", "pruned ids", "5 -> 4", "2", "f32", "40 -> 32", "0"])

    def test_rows(self):
        rows = "0 a: 1 2\n1 b: 3 4\n2 c: 0 0\n3 d: 5 7\n4 e: 9 8\n"
        self.assertEqual(self.passes("inspect", "pruned", "--rows", "w"), rows)
        self.assertEqual(self.passes("inspect", "pruned", "--rows", "w:4"), "4 e: 9 8\n")
        self.fails("inspect", "pruned", "--rows", "w:5", says="table w has no rows 5 to 5; it has 5")

    def test_report(self):
        self.write("v.vec", "a 1 2 3\nb 3 4 5\nc 0 0 1\nd 5 7 6.01\ne 9 8 1\n")
        self.write("t.npz", archive({"v.indices.npy": npy([4, 4, 3], (3,), "i8"),
                                     "v.offsets.npy": npy([0, 3], (2,), "i8")}))
        options = ("--format", "int2", "--order-by-trace", "t.npz", "--report", "r.html")
        self.passes("convert", "v.vec", *options, "-o", "t")
        worst = re.findall(r'<tr><td>(\d+)</td>.*?class="word">(\w)</td></tr>', self.read("r.html").decode())
        self.assertEqual(worst[:2], [("0", "a"), ("4", "e")])
        lines = self.passes("verify", "t", "--against", "v.vec").splitlines()
        self.assertEqual(columns_of(lines[2])[9], worst[0][0])


class Diff(ComparingTest):
    def diff(self, a, b, says):
        """Tables that differ; their lines by name."""
        done = self.run_command("diff", a, b)
        self.assertEqual((done.returncode, done.stderr.decode()), (1, f"rowpool: {a} and {b} differ: {says}\n"))
        lines = done.stdout.decode().splitlines()
        self.assertEqual([line[:len(a) + 3] for line in lines[:2]], [f"A {a}:", f"B {b}:"])
        names = columns_of(lines[2])
        return {columns_of(line)[0]: dict(zip(names, columns_of(line))) for line in lines[3:]}

    def test_equal(self):
        self.passes("convert", "a.npy", "b.npy", "--format", "f32", "-o", "t")
        self.tables("s.safetensors", b=[[5, 6]], a=[[1, 2], [3, 4], [0, 0]])
        out = self.passes("diff", "t", "s.safetensors")
        self.assertEqual([columns_of(line)[:2] for line in out.splitlines()[3:]], [["a", "equal"], ["b", "equal"]])

    def test_what_differs(self):
        self.tables("1.safetensors", gone=[[1]], same=[[1]], shape=[[1, 2]], rows=[[1, 2], [3, 4], [5, 6]])
        self.tables("2.safetensors", rows=[[1, 2], [3, 5], [5, 7]], shape=[[1], [2]], same=[[1]], new=[[1]])
        tables = self.diff("1.safetensors", "2.safetensors", "4 of 5 tables")
        self.assertEqual({name: line["differs"] for name, line in tables.items()},
                         {"gone": "only in A", "same": "equal", "shape": "shape", "rows": "values", "new": "only in B"})
        self.assertEqual((tables["shape"]["rows"], tables["shape"]["dim"], tables["shape"]["max error"]),
                         ("1 -> 2", "2 -> 1", "-"))
        rows = tables["rows"]
        self.assertEqual((rows["rows changed"], rows["rows stored differently"], rows["max error"], rows["worst row"]),
                         ("2", "2", "1", "1"))

    def test_formats(self):
        self.passes("convert", "a.npy", "--format", "f16", "-o", "1")
        self.passes("convert", "a.npy", "--format", "f32", "-o", "2")
        (line,) = self.diff("1", "2", "1 of 1 table").values()
        self.assertEqual((line["differs"], line["format"], line["bytes"], line["rows changed"]),
                         ("format", "f16 -> f32", "12 -> 24", "0"))

    def test_bytes_that_mean_the_same(self):
        self.tables("1.safetensors", a=[[0.0, 1], [2, 3]])
        self.tables("2.safetensors", a=[[-0.0, 1], [2, 3]])
        (line,) = self.diff("1.safetensors", "2.safetensors", "1 of 1 table").values()
        self.assertEqual((line["differs"], line["rows changed"], line["rows stored differently"]), ("bytes", "0", "1"))

    def test_row_names(self):
        self.write("1.vec", "cat 1\ndog 2\n")
        self.write("2.vec", "cat 1\nfox 2\n")
        self.assertEqual(self.diff("1.vec", "2.vec", "1 of 1 table")["1"]["differs"], "row names")

    def test_refusals(self):
        self.fails("diff", "a.npy", "missing", says="missing: ")
        self.fails("diff", "a.npy", status=2, says="B")


class Rows(ComparingTest):
    def setUp(self):
        super().setUp()
        self.tables("t.safetensors", **{"a": [[i, -i / 3] for i in range(12)], "b:1": [[7]], "b": [[8], [9]]})

    def rows(self, choice, file="t.safetensors"):
        return self.passes("inspect", file, "--rows", choice)

    def test_rows(self):
        self.assertEqual(self.rows("a:3-4"), "3: 3 -1\n4: 4 -1.3333334\n")
        self.assertEqual(self.rows("a:11"), "11: 11 -3.6666667\n")
        self.assertEqual(len(self.rows("a").splitlines()), 10)

    def test_names_with_colons(self):
        self.assertEqual(self.rows("b:1"), "0: 7\n")  # the table of that name
        self.assertEqual(self.rows("b:0"), "0: 8\n")
        self.assertEqual(self.rows("b:1:0"), "0: 7\n")

    def test_names_of_rows(self):
        self.write("w.vec", b"cat\x1b[0m 1 nan\ndog inf 2\n")
        self.passes("convert", "w.vec", "--format", "f32", "-o", "w")
        self.assertEqual(self.rows("w", "w"), "0 cat\\x1b[0m: 1 nan\n1 dog: inf 2\n")

    def test_no_rows(self):
        self.passes("convert", self.write("empty.npy", npy([], (0, 4))), "-o", "e")
        self.assertEqual(self.rows("empty", "e"), "")
        self.fails("inspect", "e", "--rows", "empty:0", says="it has 0")

    def test_refusals(self):
        for choice in ("a:12", "a:4-3", "a:0-12", "a:18446744073709551615"):
            self.fails("inspect", "t.safetensors", "--rows", choice, says=["t.safetensors", "table a has no rows"])
        for choice in ("c", "c:1", "a:x", "a:1-", "a:-1", "a:1-2-3", "a:18446744073709551616", "a:"):
            self.fails("inspect", "t.safetensors", "--rows", choice, says="t.safetensors")
        self.fails("inspect", "t.safetensors", "--rows", "a", "--json", status=2, says="--rows")


class Plots(ComparingTest):
    HOSTILE = "<script>alert('x')</script>&\"\\"

    def setUp(self):
        super().setUp()
        self.tables("t.safetensors", **{self.HOSTILE: [[1, 2], [3, 4]], "constant": [[5, 5]] * 3,
                                        "bad": [[math.nan, math.inf]] * 2})
        self.write("empty.npy", npy([], (0, 4)))

    def test_page(self):
        self.passes("inspect", "t.safetensors", "--plot", "out.html")
        page = self.check_page("out.html", "<script>alert('x')</script>&\"\\x5c", "all 5", "no finite values",
                               "4 NaN or infinite")
        self.assertEqual(page.tags.count("svg"), 6)

    def test_coded_rows_have_steps_and_errors(self):
        self.passes("convert", "a.npy", "empty.npy", "--format", "int8", "-o", "t")
        self.assertIn("wrote out.html\n", self.passes("inspect", "t", "--plot", "out.html"))
        page = self.check_page("out.html", "Quantization steps", "largest error", "no rows")
        self.assertEqual(page.tags.count("svg"), 6)

    def test_large_tables_are_sampled(self):
        self.write("big.npy", npy([i % 7 for i in range(200_000 * 8)], (200_000, 8)))
        self.passes("convert", "big.npy", "--format", "f16", "-o", "t")
        self.passes("inspect", "t", "--plot", "out.html")
        self.check_page("out.html", "charts of 131072 rows spread over the table")
        first = self.read("out.html")
        self.passes("inspect", "t", "--plot", "out.html")
        self.assertEqual(first, self.read("out.html"))

    def test_png(self):
        self.passes("inspect", "t.safetensors", "--plot", "out.png")
        data = self.read("out.png")
        self.assertEqual((data[:8], data[12:16]), (b"\x89PNG\r\n\x1a\n", b"IHDR"))
        width, height = struct.unpack_from(">II", data, 16)
        self.assertTrue(width > 1000 and height > 1000)

    def test_many_tables(self):
        self.tables("many.safetensors", **{f"t{i}": [[i, 1]] for i in range(788)})
        self.passes("inspect", "many.safetensors", "--plot", "out.html")
        self.assertEqual(self.check_page("out.html", "t787").tags.count("svg"), 2 * 788)
        self.passes("inspect", "many.safetensors", "--plot", "out.png")

    def test_refusals(self):
        self.fails("inspect", "t.safetensors", "--plot", "out.jpg", status=2, says=".html or .png")
        self.fails("inspect", "missing", "--plot", "out.png", says="missing")
        self.fails("inspect", "t.safetensors", "--plot", "a.npy/out.png", says="a.npy/out.png")
        self.fails("inspect", "t.safetensors", "--plot", "out.html", "--json", status=2, says="--json")


class Report(ComparingTest):
    def test_report(self):
        self.write("words.vec", "<b>cat 1 2 9\n&dog 3 5 4\nzero 0 0 0\n")
        self.passes("convert", "a.npy", "words.vec", "--format", "int4", "-o", "t", "--report", "out.html")
        page = self.check_page("out.html", "t: what convert did", "2 tables: ", "f32 to int4",
                               "min-max (PyTorch prepack)", "words", "<b>cat", "Worst rows", "rows without error, not shown: 1")
        self.assertEqual(page.tags.count("svg"), 2)
        self.assertIn("all checksums match", self.passes("verify", "t"))

    def test_exact_and_empty_tables(self):
        self.write("empty.npy", npy([], (0, 4)))
        self.passes("convert", "a.npy", "empty.npy", "--format", "f32", "-o", "t", "--report", "out.html")
        self.check_page("out.html", "Every value is the source's.", "No rows.")

    def test_the_table_file_may_be_the_input(self):
        self.tables("t.safetensors", a=[[0.1, 0.2, 0.7], [1, 2, 9]])
        self.passes("convert", "t.safetensors", "--format", "int4", "-o", "t.safetensors", "--report", "out.html")
        self.check_page("out.html", "Worst rows")

    def test_a_failed_conversion_leaves_no_report(self):
        self.write("bad.npy", npy([math.nan, 1, 2], (1, 3)))
        self.fails("convert", "a.npy", "bad.npy", "-o", "t", "--report", "out.html", says="bad.npy")

    def test_refusals(self):
        self.fails("convert", "a.npy", "-o", "t", "--report", "missing/out.html", says="missing/out.html")
        self.fails("convert", "a.npy", "-o", "t", "--report", "./t", says="would replace t")
        self.fails("convert", "a.npy", "-o", "t", "--report", os.path.join(self.folder, "a.npy"), says="replace a.npy")
