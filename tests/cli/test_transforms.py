"""convert's transforms: padding, largest norms, pruning, order by trace, bad rows; and what reads their files afterwards."""
import json
import math
import random
import struct

from support import CommandTest, Safetensors, f32, flat, npy, npz, random_rows, read_npy


class Transforms(CommandTest):
    def setUp(self):
        super().setUp()
        self.rows = random_rows(random.Random(7), 300, 6)
        self.write_table("users", self.rows)

    def write_table(self, name, rows):
        return self.write(name + ".npy", npy(flat(rows), (len(rows), len(rows[0]))))

    def transform(self, *args, inputs=("users.npy",), form="f32"):
        """Converts with these options and returns the new file, which must verify."""
        self.said = self.passes("convert", *inputs, "--format", form, "-o", "out", *args)
        self.assertIn("all checksums match", self.passes("verify", "out"))
        return Safetensors(self.read("out"))

    def exported(self, table="users", file="out"):
        """The rows by id."""
        self.passes("export", file, table, "-o", "rows.npy")
        _, (rows, dim), values = read_npy(self.read("rows.npy"))
        return [values[row * dim : (row + 1) * dim] for row in range(rows)]

    def remap(self, file, table="users"):
        data = file.tensor("__remap." + table)
        return list(struct.unpack(f"<{len(data) // 4}i", data))

    def trace(self, ids, name="users", **others):
        arrays = {}
        for feature, indices in {name: ids, **others}.items():
            arrays[feature + ".indices"] = npy(indices, (len(indices),), "i8")
            arrays[feature + ".offsets"] = npy([0, len(indices)], (2,), "i8")
        return self.write("trace.npz", npz(arrays))


class Padding(Transforms):
    def test_it_is_recorded_and_left_out_of_bags(self):
        self.assertEqual(self.transform("--padding-idx", "-1").record("users")["padding_index"], 299)
        self.write("ids.npy", npy([299, 0], (2,), "i8"))
        self.write("offsets.npy", npy([0], (1,), "i8"))
        self.passes("pool", "out", "users", "--indices", "ids.npy", "--offsets", "offsets.npy", "-o", "bag.npy")
        self.assertEqual(read_npy(self.read("bag.npy"))[2], self.rows[0])

    def test_a_value_for_one_table_goes_before_that_for_all(self):
        self.write_table("items", self.rows)
        file = self.transform("--padding-idx", "3", "--padding-idx", "items=4", inputs=["users.npy", "items.npy"])
        self.assertEqual([file.record(name)["padding_index"] for name in ("users", "items")], [3, 4])

    def test_bad_values(self):
        for value, status, says in [("300", 1, "padding index 300 is outside its 300 ids"), ("x", 2, "no id"),
                                    ("user=1", 1, "no table of that name is converted; there are users"),
                                    ("users=", 2, "no id")]:
            self.fails("convert", "users.npy", "-o", "out", "--padding-idx", value, says=says, status=status)


class MaxNorm(Transforms):
    def test_larger_rows_are_scaled_and_others_are_not_touched(self):
        for p in (2, 1, 3, 0.5, math.inf):
            self.transform("--max-norm", "2", "--norm-type", str(p))
            touched = 0
            for old, new in zip(self.rows, self.exported()):
                norm = max(map(abs, old)) if p == math.inf else sum(abs(x) ** p for x in old) ** (1 / p)
                if norm <= 2:
                    self.assertEqual(old, new)
                    continue
                touched += 1
                for a, b in zip(old, new):
                    self.assertAlmostEqual(b, a * 2 / norm, delta=abs(a) * 1e-6)
            self.assertGreater(touched, 10)

    def test_the_examples_of_pytorch(self):
        self.write_table("t", [[3.0, 4.0], [0.3, 0.4], [0.6, 0.8]])
        self.transform("--max-norm", "1", inputs=["t.npy"])
        rows = self.exported("t")
        self.assertEqual(rows[0], [f32(3 * f32(1 / (5 + 1e-7))), f32(4 * f32(1 / (5 + 1e-7)))])
        self.assertEqual(rows[1:], [[f32(0.3), f32(0.4)], [f32(0.6), f32(0.8)]])

    def test_it_comes_before_quantization(self):
        self.transform("--max-norm", "0.5", form="int8")
        for row in self.exported():
            self.assertLess(math.hypot(*row), 0.51)
        self.passes("convert", "out", "-o", "again", "--max-norm", "0.25")  # coded rows are decoded and coded anew
        for row in self.exported(file="again"):
            self.assertLess(math.hypot(*row), 0.26)

    def test_bad_values(self):
        for args in [("--max-norm", "-1"), ("--max-norm", "nan"), ("--max-norm", "1", "--norm-type", "nan")]:
            self.fails("convert", "users.npy", "-o", "out", *args, says="from", status=2)


class Pruning(Transforms):
    def test_rows_below_a_norm(self):
        for row in (0, 5, 299):
            self.rows[row] = [0.0, 0.25, 0.0, 0.0, 0.0, 0.0]
        self.write_table("users", self.rows)
        file = self.transform("--prune-below", "0.25")
        kept = [id for id in range(300) if id not in (0, 5, 299)]
        self.assertEqual(file.header["users"]["shape"], [297, 6])
        self.assertEqual(self.remap(file), [kept.index(id) if id in kept else -1 for id in range(300)])
        self.assertEqual(self.exported(), [row if id in kept else [0.0] * 6 for id, row in enumerate(self.rows)])
        self.assertIn("297 x 6", self.said)
        self.assertIn("for 300 ids", self.said)
        (table,) = json.loads(self.passes("inspect", "--json", "out"))["tables"]
        self.assertEqual((table["rows"], table["ids"]), (297, 300))

    def test_nothing_to_prune_leaves_a_file_of_version_1(self):
        file = self.transform("--prune-below", "1e-9")
        self.assertEqual(json.loads(file.metadata["rowpool"])["version"], 1)
        self.assertNotIn("__remap.users", file.header)

    def test_a_list_of_ids(self):
        self.write("keep.npy", npy([7, 3, 7], (3,), "i4"))
        file = self.transform("--keep", "users=keep.npy")
        self.assertEqual(json.loads(file.metadata["rowpool"])["version"], 2)
        self.assertEqual(file.header["users"]["shape"], [2, 6])
        self.assertEqual(self.exported(), [row if id in (3, 7) else [0.0] * 6 for id, row in enumerate(self.rows)])

    def test_no_row_is_left(self):
        self.write("keep.npy", npy([], (0,), "i8"))
        self.assertEqual(self.transform("--keep", "keep.npy", form="int4").header["users"]["shape"], [0, 7])
        self.assertEqual(self.exported(), [[0.0] * 6] * 300)
        self.fails("bench", "out", says="table users has no row to look up")
        self.fails("convert", "users.npy", "-o", "out", "--prune-below", "1e9",
                   says="users.npy: table users: --prune-below leaves none of its 300 rows; --keep with an empty list")

    def test_pruned_ids_count_in_a_mean_only_if_told(self):
        self.write("keep.npy", npy([1], (1,), "i8"))
        self.transform("--keep", "keep.npy")
        self.write("ids.npy", npy([1, 0], (2,), "i8"))
        self.write("offsets.npy", npy([0], (1,), "i8"))
        self.passes("pool", "out", "users", "--indices", "ids.npy", "--offsets", "offsets.npy", "-o", "bag.npy")
        self.assertEqual(read_npy(self.read("bag.npy"))[2], self.rows[1])
        self.write("ids.npy", npy([300], (1,), "i8"))
        self.fails("pool", "out", "users", "--indices", "ids.npy", "--mode", "none", "-o", "bag2.npy",
                   says="index 300 at position 0 is not in [0, 300)")

    def test_names_stay_with_their_ids(self):
        self.write("words.vec", "cat 1 0\ndog 0 1\nfox 1 0.1\nnil 0 0\n")
        self.passes("convert", "words.vec", "-o", "out", "--format", "f32", "--prune-below", "0")
        self.assertEqual(self.passes("nearest", "out", "words", "cat").split()[1::2], ["fox", "dog"])

    def test_bad_lists(self):
        for name, data, says in [("ids.npy", npy([0, 300], (2,), "i8"), "id 300 at position 1 is not in [0, 300)"),
                                 ("ids.npy", npy([-1], (1,), "i8"), "id -1 at position 0 is not in [0, 300)"),
                                 ("ids.npy", npy([1], (1, 1), "i8"), "must have one dimension, not shape (1, 1)"),
                                 ("ids.npy", npy([1], (1,)), "ids must be int32 or int64")]:
            self.write(name, data)
            self.fails("convert", "users.npy", "-o", "out", "--keep", name, says=[name, says])
        self.fails("convert", "users.npy", "-o", "out", "--keep", "no.npy", says="no.npy")
        self.write("a=b.npy", npy([1], (1,), "i8"))
        self.transform("--keep", "a=b.npy")
        self.fails("convert", "users.npy", "-o", "out", "--keep", "zz=k.npy",
                   says="--keep zz=k.npy: no table of that name is converted; there are users")
        self.fails("convert", "users.npy", "-o", "out", "--keep", "users=a=b.npy", "--keep", "zz=k.npy",
                   says="--keep zz=k.npy: no table of that name is converted; there are users")
        self.fails("convert", "users.npy", "-o", "out", "--keep", "users=k.npy", says="cannot open k.npy")


class Order(Transforms):
    def test_hot_rows_come_first_and_ids_stay(self):
        file = self.transform("--order-by-trace", self.trace([9, 4, 7, 4, 9, 2, 4]))
        remap = self.remap(file)
        self.assertEqual([remap.index(row) for row in range(6)], [4, 9, 2, 7, 0, 1])
        self.assertEqual(self.exported(), self.rows)
        self.assertEqual(file.rows_f32("users")[0], self.rows[4])

    def test_every_format_gives_the_same_rows_by_id(self):
        for form in "f32 f16 bf16 int8 int8-f16 int4 int2 tbe-int8 tbe-int4 tbe-int2".split():
            self.passes("convert", "users.npy", "--format", form, "-o", "plain")
            self.transform("--order-by-trace", self.trace([200, 100, 100]), form=form)
            self.assertEqual(self.exported(), self.exported(file="plain"))

    def test_features_that_share_a_table_count_together_and_others_are_left_out(self):
        self.trace([5, 6], **{"users#2": [6, 8], "items": [10**6]})
        remap = self.remap(self.transform("--order-by-trace", "trace.npz"))
        self.assertEqual([remap.index(row) for row in range(4)], [6, 5, 8, 0])

    def test_a_trace_in_the_order_of_the_table_moves_nothing(self):
        file = self.transform("--order-by-trace", self.trace([0, 0, 1]))
        self.assertNotIn("__remap.users", file.header)
        self.assertEqual((json.loads(file.metadata["rowpool"])["version"], file.record("users")["hot_rows"]), (1, 2))

    def test_the_number_of_rows_that_were_looked_up_is_recorded(self):
        self.write_table("items", self.rows)
        self.write_table("cold", self.rows)
        trace = self.trace([9, 4, 9], items=[], **{"users#2": [4, 7]})
        file = self.transform("--order-by-trace", trace, inputs=["users.npy", "items.npy", "cold.npy"], form="int8")
        self.assertEqual([file.record(name).get("hot_rows") for name in ("users", "items", "cold")], [3, 0, None])
        self.assertEqual([table["hot_rows"] for table in json.loads(self.passes("inspect", "out", "--json"))["tables"]],
                         [3, 0, None])
        lines = [line.split() for line in self.passes("inspect", "out").splitlines()[1:]]
        self.assertEqual(lines[0][6:9], ["ids", "hot", "rows"])
        self.assertEqual([line[6:8] for line in lines[1:]], [["300", "3"], ["-", "0"], ["-", "-"]])

    def test_hot_rows_stay_what_they_are_when_rows_are_kept_or_copied(self):
        self.transform("--order-by-trace", self.trace([9, 4, 9, 7, 250]))
        self.passes("convert", "out", "-o", "again", "--format", "int8")
        self.assertEqual(Safetensors(self.read("again")).record("users")["hot_rows"], 4)
        self.write("keep.npy", npy([0, 4, 9, 12], (4,), "i8"))
        less = self.transform("--keep", "keep.npy", inputs=["again"], form="int8")
        self.assertEqual(less.record("users")["hot_rows"], 2)
        self.assertEqual([self.remap(less)[id] for id in (9, 4, 0, 12)], [0, 1, 2, 3])
        self.write("none.npy", npy([], (0,), "i8"))
        self.assertEqual(self.transform("--keep", "none.npy", inputs=["again"]).record("users")["hot_rows"], 0)

    def test_bad_traces(self):
        self.fails("convert", "users.npy", "-o", "out", "--order-by-trace", self.trace([300]),
                   says=["trace.npz", "index 300 at position 0 is not in [0, 300)"])
        self.fails("convert", "users.npy", "-o", "out", "--order-by-trace", self.trace([0], name="items"),
                   says="trace.npz: no feature of these tables")
        self.fails("convert", "users.npy", "-o", "out", "--order-by-trace", "users.npy", says="users.npy")


class Together(Transforms):
    def test_all_at_once_and_then_again(self):
        self.rows[3] = [0.0] * 6
        self.write_table("users", self.rows)
        keep = [id for id in range(300) if id % 3 == 0]
        self.write("keep.npy", npy(keep, (len(keep),), "i8"))
        file = self.transform("--prune-below", "0", "--keep", "keep.npy", "--order-by-trace", self.trace([9, 3, 9, 6, 5]),
                         "--padding-idx", "12")
        remap = self.remap(file)
        self.assertEqual([remap.index(row) for row in range(4)], [9, 6, 0, 12])
        self.assertEqual([id for id in range(300) if remap[id] >= 0], [id for id in keep if id != 3])
        self.assertEqual(file.record("users")["padding_index"], 12)
        expected = [row if remap[id] >= 0 else [0.0] * 6 for id, row in enumerate(self.rows)]
        self.assertEqual(self.exported(), expected)

        self.passes("convert", "out", "-o", "same", "--format", "f32")  # a file with a remap is a source as it is
        self.assertEqual(self.remap(Safetensors(self.read("same"))), remap)
        self.write("keep.npy", npy([0, 9, 12, 1], (4,), "i8"))
        self.passes("convert", "out", "-o", "less", "--format", "f32", "--keep", "keep.npy", "--order-by-trace",
                    self.trace([12, 12, 299]))
        less = self.remap(Safetensors(self.read("less")))
        self.assertEqual({id: row for id, row in enumerate(less) if row >= 0}, {12: 0, 9: 1, 0: 2})
        self.assertEqual(self.exported(file="less"),
                         [row if id in (0, 9, 12) else [0.0] * 6 for id, row in enumerate(expected)])

    def test_bench_and_tune_take_the_result(self):
        self.transform("--order-by-trace", self.trace([9, 3, 9, 6, 5, 299]), "--prune-below", "1.5")
        self.assertIn("users", self.passes("bench", "out", "--trace", "trace.npz", "--batch", "1"))
        self.passes("tune", "out", "-o", "profile.json")

    def test_blocks_beyond_the_first(self):
        rows = [[float(row % 251), float(row // 251)] * 32 for row in range(20000)]
        self.write_table("users", rows)
        self.transform("--order-by-trace", self.trace(list(range(19999, 0, -2))), "--prune-below", "10", form="int8")
        first = self.exported()
        self.passes("convert", "users.npy", "-o", "plain")
        for id, (row, plain) in enumerate(zip(first, self.exported(file="plain"))):
            self.assertEqual(row, plain if math.hypot(*rows[id]) > 10 else [0.0] * 64)


class BadRows(Transforms):
    def setUp(self):
        super().setUp()
        self.rows[3][2] = math.nan
        self.rows[290][0] = -1e5  # too small for the f16 bias of int4
        self.write_table("users", self.rows)

    def test_they_fail_unless_told_otherwise(self):
        for args in [(), ("--on-bad-row", "fail")]:
            self.fails("convert", "users.npy", "-o", "out", *args, says=["users.npy", "row 3: column 2 is NaN"])

    def test_they_become_zeros_and_are_counted(self):
        self.transform("--on-bad-row", "zero", form="int4")
        self.assertIn("2 bad rows set to zeros", self.said)
        rows = self.exported()
        self.assertEqual([id for id, row in enumerate(rows) if row == [0.0] * 6], [3, 290])
        self.transform("--on-bad-row", "zero", form="int8")
        self.assertIn("1 bad rows set to zeros", self.said)

    def test_the_table_becomes_f16(self):
        del self.rows[290]
        self.write_table("users", self.rows)
        self.write_table("good", self.rows[10:])
        file = self.transform("--on-bad-row", "f16", form="int4", inputs=["users.npy", "good.npy"])
        self.assertEqual([file.record(name)["format"] for name in ("users", "good")], ["f16", "int4"])
        self.assertIn("stored as f16, because users.npy: table users, row 3: column 2 is NaN", self.said)
        self.assertTrue(math.isnan(self.exported()[3][2]))

    def test_what_f16_cannot_hold_fails(self):
        self.fails("convert", "users.npy", "-o", "out", "--format", "f16", "--on-bad-row", "f16",
                   says="row 290: a finite value would become infinite as f16")

    def test_a_bad_row_keeps_its_number_when_rows_move(self):
        self.rows[3][2] = 0.0
        self.write_table("users", self.rows)
        self.fails("convert", "users.npy", "-o", "out", "--format", "int4", "--order-by-trace", self.trace([290]),
                   says="row 290: scale or bias would not be finite as int4")
