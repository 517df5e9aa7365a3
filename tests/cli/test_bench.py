"""bench: what it measures and how it shows it, traces that it refuses, and wrong usage. No test asserts a time."""
import json
import os
import pty
import struct
import subprocess
import zipfile

import support
from support import CommandTest, npy, npz, safetensors

ROWS = 100


class BenchTest(CommandTest):
    def setUp(self):
        super().setUp()
        for name, dim in {"a": 4, "b": 6}.items():
            self.write(name + ".npy", npy([float(i % 7) for i in range(ROWS * dim)], (ROWS, dim)))
        self.passes("convert", "a.npy", "b.npy", "--format", "f32", "-o", "t.safetensors")

    def trace(self, arrays, **options):
        """Writes a trace of {name: values, or (values, dtype), or the bytes of a .npy file}."""
        files = {}
        for name, array in arrays.items():
            values, dtype = array if isinstance(array, tuple) else (array, "i8")
            files[name] = array if isinstance(array, bytes) else npy(values, (len(values),), dtype)
        return self.write("t.npz", npz(files, **options))

    def bench(self, *args):
        return json.loads(self.passes("bench", "t.safetensors", "--json", *args))

    def refuses(self, arrays, *says):
        self.trace(arrays)
        self.fails("bench", "t.safetensors", "--trace", "t.npz", says=["t.npz", *says])

    def check_positive(self, figures, names):
        for name in names:
            self.assertGreater(figures[name], 0, name)


class Figures(BenchTest):
    def test_made_up_traffic(self):
        report = self.bench("--zipf", "0.9", "--bag", "3", "--batch", "7", "--threads", "2", "--mode", "mean")
        self.assertEqual(report["file"], "t.safetensors")
        self.assertEqual(report["traffic"], {"zipf": 0.9, "bag": 3})
        self.assertEqual((report["batch"], report["threads"], report["mode"]), (7, 2, "mean"))
        self.assertEqual(report["between_bytes"], 0)
        requests = report["requests"]
        self.assertEqual(requests["lookups"], 2 * 3 * 7)
        self.check_positive(requests, ["timed", "requests_per_second", "lookups_per_second"])
        self.assertLessEqual(requests["p50_seconds"], requests["p90_seconds"])
        self.assertLessEqual(requests["p90_seconds"], requests["p99_seconds"])
        first, second = report["features"]
        self.assertEqual([first[key] for key in ("feature", "table", "rows", "dim", "format")],
                         ["a", "a", ROWS, 4, "f32"])
        self.assertEqual((second["row_bytes"], second["table_bytes"]), (24, 2400))
        for figures in (first, second):
            self.assertEqual(figures["lookups_per_bag"], 3)
            self.check_positive(figures, ["rows_per_second", "seconds_per_row", "limit_seconds_per_row", "share",
                                          "bytes_per_second"])
        self.assertAlmostEqual(first["share"] + second["share"], 1)

    def test_other_memory_between(self):
        report = self.bench("--between", "64KiB", "--bag", "3", "--batch", "7", "--threads", "2")
        self.assertEqual(report["between_bytes"], 64 << 10)
        self.check_positive(report["requests"], ["timed", "requests_per_second", "lookups_per_second"])
        for feature in report["features"]:
            self.check_positive(feature, ["seconds_per_row", "limit_seconds_per_row"])
            self.check_positive(feature["alternatives"][0], ["speedup", "smaller"])

    def test_other_memory_in_words(self):
        said = "of other memory written before each call"
        self.assertIn(f", 1.5 kB {said}\n", self.passes("bench", "t.safetensors", "--between", "1.5K"))
        self.assertNotIn(said, self.passes("bench", "t.safetensors", "--between", "0"))

    def test_alternatives(self):
        big = struct.pack("<16f", *range(16)) * 40_000  # more than one huge page
        nan = struct.pack("<2f", float("nan"), 1)       # no int8 row holds it
        self.write("t.safetensors", safetensors({"big": ("F32", [40_000, 16], big), "nan": ("F32", [2, 1], nan),
                                                 "half": ("F16", [40, 16], bytes(40 * 32))}))
        alternatives = [feature["alternatives"] for feature in self.bench()["features"]]
        self.assertEqual([[a["name"] for a in of_feature] for of_feature in alternatives],
                         [["2 MiB pages", "int8 instead of f32"], [], ["int8 instead of f16"]])
        for alternative in alternatives[0]:
            self.check_positive(alternative, ["speedup", "smaller"])
        self.assertAlmostEqual(alternatives[0][1]["smaller"], 64 / 24)

    def test_coded_tables_of_a_cut_name(self):
        name = "\u00e9" * 30
        self.passes("convert", "a.npy", "--table", "a=" + name, "--format", "int4", "-o", "t.safetensors")
        text = self.passes("bench", "t.safetensors", "--bag", "1")
        self.assertIn("\n" + "\u00e9" * 8 + "...  ", text)
        self.assertIn("int4", text)
        self.assertIn("none of what was tried", text)
        self.assertLessEqual(max(len(line) for line in text.splitlines()), 120)

    def test_bags_without_rows(self):
        text = self.passes("bench", "t.safetensors", "--bag", "0")
        self.assertRegex(text, r"\na +100 +4 +f32 +16 +1\.6 kB +0\.0 +- +- +- +- +-\n")

    def test_progress_on_a_terminal(self):
        try:
            ours, theirs = pty.openpty()
        except OSError as error:  # a bare chroot may have no /dev/pts
            self.skipTest(f"no pseudo-terminal: {error}")
        process = subprocess.Popen([support.ROWPOOL, "bench", "t.safetensors"], cwd=self.folder,
                                   stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        out = process.communicate(timeout=60)[0]
        shown = os.read(ours, 65536)
        os.close(ours)
        self.assertEqual(process.returncode, 0)
        self.assertIn(b"what would help", out)
        self.assertRegex(shown, rb"\A\r\x1b\[Kmeasuring \[[#.]{30}\] +\d+%  \d+ s left\r\x1b\[K")
        self.assertTrue(shown.endswith(b"\r\x1b[K"), "the bar is cleared")


class Traces(BenchTest):
    def test_features(self):
        trace = self.trace({"b.indices": [1, 2, 99], "b.offsets": [0, 0, 2, 3],
                            "a.indices": ([5], "i4"), "a.offsets": ([0, 1, 1, 1], "i4"),
                            "b#2.indices": [7, 7, 7, 7], "b#2.offsets": [0, 2, 3, 4],
                            "b#2.weights": ([0.5, 1, 2, 3], "f4")}, compression=zipfile.ZIP_DEFLATED)
        report = self.bench("--trace", trace, "--batch", "5")  # samples 0, 1, 2, 0, 1
        self.assertEqual(report["traffic"], {"trace": "t.npz", "samples": 3})
        self.assertEqual(report["requests"]["lookups"], (0 + 2 + 1 + 0 + 2) + (1 + 1) + (2 + 1 + 1 + 2 + 1))
        features = report["features"]
        self.assertEqual([(feature["feature"], feature["table"]) for feature in features],
                         [("b", "b"), ("a", "a"), ("b#2", "b")])
        self.assertEqual([feature["lookups_per_bag"] for feature in features], [1, 0.4, 1.4])

    def test_features_of_chosen_tables(self):
        trace = self.trace({"b.indices": [1], "b.offsets": [0, 1], "a.indices": [2, 3], "a.offsets": [0, 2]})
        report = self.bench("--trace", trace, "--table", "a", "--table", "a")
        self.assertEqual([feature["feature"] for feature in report["features"]], ["a"])
        self.assertEqual(report["requests"]["lookups"], 128)
        self.trace({"b.indices": [1], "b.offsets": [0, 1]})
        self.fails("bench", "t.safetensors", "--trace", "t.npz", "--table", "a",
                   says=["t.npz", "no feature of table a"])

    def test_members(self):
        self.refuses({}, "no feature")
        self.refuses({"a.indices": [1]}, "feature a lacks its offsets", "a.offsets.npy")
        self.refuses({"a.offsets": [0, 1]}, "member a.offsets.npy", "of no feature")
        self.refuses({"a.indices": [1], "a.offsets": [0, 1], "a.weight": [1]}, "member a.weight.npy", "of no feature")
        self.refuses({"c.indices": [1], "c.offsets": [0, 1]}, "feature c is of no table; there are a, b")
        self.refuses({"a#x.indices": [1], "a#x.offsets": [0, 1]}, "feature a#x is of no table")
        self.refuses({".indices": [1]}, "of no feature")

    def test_arrays(self):
        good = {"a.indices": [1], "a.offsets": [0, 1]}
        self.refuses({**good, "a.indices": ([1], "f4")}, "member a.indices.npy", "dtype f4", "int32 or int64")
        self.refuses({**good, "a.offsets": ([0, 1], "f8")}, "member a.offsets.npy", "dtype f8")
        self.refuses({**good, "a.weights": [1]}, "member a.weights.npy", "dtype i8", "float32")
        self.refuses({**good, "a.weights": ([1, 2], "f4")}, "member a.weights.npy", "2 weights for 1 indices")
        self.refuses({**good, "a.indices": npy([1], (1, 1), "i8")}, "member a.indices.npy", "one dimension", "(1, 1)")
        self.refuses({**good, "a.indices": npy([1], (1,), "i8", ">")}, "member a.indices.npy", "big-endian")
        self.refuses({**good, "a.indices": b"\x93NUMPY"}, "member a.indices.npy", "header")
        self.refuses({**good, "a.indices": npy([1], (1,), "i8")[:-1]}, "member a.indices.npy", "need")

    def test_offsets(self):
        for offsets, says in {(): "no offsets", (1, 2): "first offset is 1", (0, 2, 1): "offset 2 is 1, below",
                              (0, 1): "last offset is 1, but there are 2", (0, -1, 2): "offset 1 is -1, below",
                              (0, 3): "last offset is 3"}.items():
            with self.subTest(offsets):
                self.refuses({"a.indices": [1, 2], "a.offsets": list(offsets)}, "member a.offsets.npy", says)
        self.refuses({"a.indices": [], "a.offsets": [0]}, "no samples")
        self.refuses({"a.indices": [1], "a.offsets": [0, 1], "b.indices": [1], "b.offsets": [0, 1, 1]},
                     "feature b has 2 samples, feature a has 1")

    def test_indices_out_of_range(self):
        for bad in (-1, ROWS, -(2**63), 2**63 - 1):
            with self.subTest(bad):
                self.refuses({"a.indices": [1, 2, bad], "a.offsets": [0, 1, 1, 3]}, "member a.indices.npy",
                             f"table a, bag 2: index {bad} at position 2 is not in [0, 100)")


class Refusals(BenchTest):
    def test_tables(self):
        self.fails("bench", "t.safetensors", "--table", "c", says=["t.safetensors", "c"])
        self.fails("bench", "none.safetensors", says="none.safetensors")
        self.write("f.safetensors", safetensors({"x": ("U8", [1], b"x")}))
        self.fails("bench", "f.safetensors", says=["f.safetensors", "no table in it"])
        self.write("e.npy", npy([], (0, 4)))
        self.passes("convert", "e.npy", "-o", "e.safetensors")
        self.fails("bench", "e.safetensors", says=["e.safetensors", "table e has no row"])

    def test_missing_trace(self):
        self.fails("bench", "t.safetensors", "--trace", "none.npz", says="none.npz")

    def test_more_memory_between_than_there_is(self):
        for most in ("1000000G", "1e18"):
            self.fails("bench", "t.safetensors", "--between", most, says=["--between: cannot write", "half of the memory is"])

    def test_more_than_the_memory(self):
        self.fails("bench", "t.safetensors", "--batch", "1000000", "--bag", "1000000", says="half of the memory")

    def test_usage(self):
        for args in (["--zipf", "-1"], ["--zipf", "nan"], ["--zipf", "11"], ["--zipf", ""], ["--bag", "-1"],
                     ["--batch", "0"], ["--threads", "1025"], ["--between", ""], ["--mode", "max"], ["--trace", "t.npz", "--zipf", "1"],
                     ["--trace", "t.npz", "--bag", "1"], ["surplus"]):
            with self.subTest(args):
                self.fails("bench", "t.safetensors", *args, status=2)
        for value in ("-1", "2T", "inf", "nan", "1e19", "MiB", "2 MiB", "2mib", "x"):
            with self.subTest(value):
                self.fails("bench", "t.safetensors", "--between", value, status=2,
                           says=["--between", f"'{value}' is no number of bytes"])
        self.fails("bench", status=2, says="FILE")
