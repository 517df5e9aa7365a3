"""convert under a budget: --format-of, --max-error, --max-bytes and --trace."""
import json
import math
import random
import re

from support import CommandTest, Safetensors, flat, npy, npz, random_rows


def norm(values):
    return math.sqrt(sum(value * value for value in values))


class Budget(CommandTest):
    """Two tables with values of different shapes, and a trace of both."""

    def setUp(self):
        super().setUp()
        rng = random.Random(5)
        self.rows = {"a": random_rows(rng, 60, 24), "b": [[x**3 for x in row] for row in random_rows(rng, 50, 40)]}
        self.inputs = [self.write(f"{name}.npy", npy(flat(rows), (len(rows), len(rows[0]))))
                       for name, rows in self.rows.items()]

    def formats(self):
        """Formats, and bytes of all rows, of the file that was written last."""
        tables = json.loads(self.passes("inspect", "--json", "out"))["tables"]
        file = Safetensors(self.read("out"))
        return {table["name"]: table["format"] for table in tables}, sum(len(file.tensor(t["name"])) for t in tables)

    def plan(self, *options):
        printed = self.passes("convert", *self.inputs, *options, "-o", "out")
        return dict(line.split(":", 1) for line in printed.splitlines())

    def write_trace(self, bags, weights=None):
        """A trace of bags by name of their feature."""
        arrays = {}
        for name, indices in bags.items():
            offsets = [sum(len(bag) for bag in indices[:i]) for i in range(len(indices) + 1)]
            arrays[f"{name}.indices"] = npy(flat(indices), (offsets[-1],), "i8")
            arrays[f"{name}.offsets"] = npy(offsets, (len(offsets),), "i8")
            if weights and name in weights:
                arrays[f"{name}.weights"] = npy(flat(weights[name]), (offsets[-1],))
        return self.write("trace.npz", npz(arrays))

    def errors(self, name, bags, weights):
        """Relative L2 error of all bags and of the worst, and mean and worst cosine: the definition, once more."""
        self.passes("convert", "out", "--format", "f32", "-o", "decoded")
        rows = Safetensors(self.read("decoded")).rows_f32(name)
        error = source = 0
        each, cosines = [], []
        for bag, factors in zip(bags, weights):
            if not bag:
                continue
            y, z = ([sum(w * table[i][d] for i, w in zip(bag, factors)) for d in range(len(rows[0]))]
                    for table in (self.rows[name], rows))
            lost = norm([p - q for p, q in zip(y, z)])
            error, source = error + lost**2, source + norm(y)**2
            each.append(lost / norm(y))
            cosines.append(sum(p * q for p, q in zip(y, z)) / norm(y) / norm(z))
        return math.sqrt(error / source), max(each), sum(cosines) / len(cosines), min(cosines)

    def test_a_recorded_budget_is_kept_as_measured_once_more(self):
        rng = random.Random(1)
        bags = {name: [[rng.randrange(len(rows)) for _ in range(rng.randrange(9))] for _ in range(30)]
                for name, rows in self.rows.items()}
        weights = {"a": [[float(rng.randrange(1, 5)) for _ in bag] for bag in bags["a"]]}
        trace = self.write_trace(bags, weights)
        weights["b"] = [[1.0] * len(bag) for bag in bags["b"]]
        for most in ("0.5", "20%", "1 %", "0.002"):
            printed = self.plan("--max-error", most, "--trace", trace)
            bound = float(most.rstrip("% ")) / (100 if "%" in most else 1)
            for name, line in printed.items():
                with self.subTest(most=most, table=name):
                    mean, worst, cosine, worst_cosine = self.errors(name, bags[name], weights[name])
                    self.assertLessEqual(mean, bound)
                    said = re.search(r"error (\S+) % of at most .*worst bag (\S+) %, cosine (\S+), worst (\S+), of "
                                     r"(\d+) recorded bags", line)
                    self.assertTrue(said, line)
                    self.assertAlmostEqual(float(said[1]) / 100, mean, delta=0.01 * mean + 1e-7)
                    self.assertAlmostEqual(float(said[2]) / 100, worst, delta=0.01 * worst + 1e-7)
                    self.assertAlmostEqual(float(said[3]), cosine, delta=2e-6)
                    self.assertAlmostEqual(float(said[4]), worst_cosine, delta=2e-6)
                    self.assertEqual(int(said[5]), sum(1 for bag in bags[name] if bag))

    def test_features_that_share_a_table_and_tables_without_a_feature(self):
        trace = self.write_trace({"a": [[1, 2]], "a#2": [[3]], "other": [[70]]})
        printed = self.plan("--max-error", "10%", "--trace", trace)
        self.assertIn("of 2 recorded bags", printed["a"])
        self.assertIn("of 2000 generated bags", printed["b"])

    def test_hot_rows_decide(self):
        self.rows["a"][0] = [1000.0 * x for x in self.rows["a"][0]]
        self.rows["a"][1] = [0.5] * 24  # holds in any format
        self.write("a.npy", npy(flat(self.rows["a"]), (60, 24)))
        self.plan("--table", "a", "--max-error", "1%", "--trace", self.write_trace({"a": [[1], [1, 1]]}))
        self.assertEqual(self.formats()[0], {"a": "int2"})
        self.plan("--table", "a", "--max-error", "1%", "--trace", self.write_trace({"a": [[0], [1, 1]]}))
        self.assertEqual(self.formats()[0], {"a": "int8"})

    def test_less_error_takes_more_bytes(self):
        sizes = []
        for most in ("60%", "15%", "1%", "0.1%", "0.000001"):
            self.plan("--max-error", most)
            sizes.append(self.formats()[1])
        self.assertEqual(sizes, sorted(sizes))
        self.assertEqual(self.formats()[0], {"a": "f32", "b": "f32"})

    def test_bytes_are_kept_and_used(self):
        least = 60 * (24 // 4 + 4) + 50 * (40 // 4 + 4)
        for most, kept in ((least, least), (2600, 2600), (3000, 3000), (5000, 5000), ("1M", 60 * 96 + 50 * 160)):
            with self.subTest(most):
                self.plan("--max-bytes", str(most))
                used = self.formats()[1]
                self.assertLessEqual(used, kept)
                self.assertGreater(used, kept * 0.7)
        self.assertEqual(self.formats()[0], {"a": "f32", "b": "f32"})

    def test_too_few_bytes_name_the_least(self):
        least = 60 * (24 // 4 + 4) + 50 * (40 // 4 + 4)
        self.fails("convert", *self.inputs, "--max-bytes", str(least - 1), "-o", "out", says=f"at least {least} bytes")

    def test_formats_of_single_tables(self):
        self.plan("--format-of", "*=f16", "--format-of", "b=int4")
        self.assertEqual(self.formats()[0], {"a": "f16", "b": "int4"})
        self.plan("--format", "int2", "--format-of", "[b]=f32", "--method", "greedy")
        self.assertEqual(self.formats()[0], {"a": "int2", "b": "f32"})

    def test_pinned_formats_stay_and_count(self):
        printed = self.plan("--max-error", "1%", "--format-of", "a=int2")
        self.assertEqual(self.formats()[0], {"a": "int2", "b": "int8"})
        self.assertIn("(asked for)", printed["a"])
        self.plan("--max-bytes", str(60 * 96 + 50 * 24), "--format-of", "a=f32")  # b as int4
        self.assertEqual(self.formats()[0], {"a": "f32", "b": "int4"})
        self.fails("convert", *self.inputs, "--max-bytes", "5000", "--format-of", "a=f32", "-o", "out",
                   says=f"at least {60 * 96 + 50 * 14} bytes")

    def test_sources_keep_a_format_of_their_own(self):
        self.passes("convert", *self.inputs, "--format", "int8", "-o", "coded")
        self.inputs = ["coded"]
        printed = self.plan("--max-error", "0.0001%")
        self.assertEqual(self.formats()[0], {"a": "int8", "b": "int8"})
        self.assertIn("error 0 %", printed["a"])
        self.plan("--max-error", "70%")
        self.assertEqual(self.formats()[0], {"a": "int2", "b": "int2"})

    def test_codings_that_cannot_hold_the_rows_are_none(self):
        rows = [[1e6 * x for x in row] for row in self.rows["a"]]  # scales and biases past f16
        self.write("a.npy", npy(flat(rows), (60, 24)))
        self.plan("--table", "a", "--max-error", "70%")
        self.assertEqual(self.formats()[0], {"a": "int8"})
        rows = [[math.nan] * 24 for _ in rows]
        self.write("a.npy", npy(flat(rows), (60, 24)))
        self.plan("--table", "a", "--max-error", "1%")
        self.assertEqual(self.formats()[0], {"a": "f16"})
        self.fails("convert", "a.npy", "--max-error", "1%", "--format-of", "a=int8", "-o", "none",
                   says=["a.npy", "rows that int8 cannot hold"])

    def test_tables_without_rows_or_of_zeros(self):
        self.inputs = [self.write("empty.npy", npy([], (0, 4))), self.write("zeros.npy", npy([0] * 32, (2, 16)))]
        self.plan("--max-error", "1%")
        self.assertEqual(self.formats()[0], {"empty": "f32", "zeros": "int2"})

    def test_pruned_and_padding_ids_are_left_out(self):
        keep = self.write("keep.npy", npy(list(range(1, 60)), (59,), "i8"))
        trace = self.write_trace({"a": [[0, 5], [0], [7, 9]]})
        printed = self.plan("--table", "a", "--keep", f"a={keep}", "--padding-idx", "9", "--max-error", "10%", "--trace",
                            trace)
        self.assertIn("of 2 recorded bags", printed["a"])

    def test_the_same_every_time(self):
        self.plan("--max-error", "10%")
        first = self.read("out")
        self.plan("--max-error", "10%")
        self.assertEqual(first, self.read("out"))

    def test_refusals(self):
        def refuses(*options, says, status=1):
            self.fails("convert", *self.inputs, *options, "-o", "out", says=says, status=status)

        refuses("--max-error", "1%", "--max-bytes", "9", says="excludes", status=2)
        refuses("--max-error", "1%", "--format", "int8", says="excludes", status=2)
        refuses("--max-bytes", "1M", "--method", "search", says="excludes", status=2)
        for value in ("0", "1", "100%", "-1%", "nan", "x", "1%%"):
            refuses("--max-error", value, says="is no error above 0 and below 1", status=2)
        for value in ("0", "-5", "5T", "inf", "1e30", "K", "0.5", "1kib", "1 M"):
            refuses("--max-bytes", value, says="is no number of bytes", status=2)
        for value in ("a", "a=int9", "=int8"):
            refuses("--format-of", value, says="is no PATTERN=FORMAT", status=2)
        refuses("--format-of", "c*=int8", says=["--format-of c*", "a, b"])
        refuses("--trace", "t.npz", says="--trace is for --max-error and --max-bytes")
        refuses("--max-error", "1%", "--trace", "t.npz", says="t.npz")
        refuses("--max-error", "1%", "--trace", self.write_trace({"c": [[1]]}), says="no feature of these tables")
        refuses("--max-error", "1%", "--trace", self.write_trace({"a": [[60]]}), says="index 60")
