"""convert --join: shards of one table, in one file or in several."""
import random
import struct

from checkpoints import checkpoint, storage, tensor
from support import ConvertTest, npy, safetensors


def rows_from(first, count, dim=2):
    return [[float(i + 1000 * j) for j in range(dim)] for i in range(first, first + count)]


def packed(rows, code="f"):
    return b"".join(struct.pack(f"<{len(row)}{code}", *row) for row in rows)


class Joins(ConvertTest):
    def shards(self, *counts, names="emb.{}.weight", more=(), first=0):
        """A file of shards with so many rows each, in no order; the rows of all."""
        begin, tensors = 0, []
        for i, count in enumerate(counts):
            tensors.append((names.format(i + first), ("F32", [count, 2], packed(rows_from(begin, count)))))
            begin += count
        random.Random(5).shuffle(tensors)
        self.write("m.safetensors", safetensors(dict([*tensors, *more])))
        return rows_from(0, begin)

    def joins(self, *inputs, join, name="emb", options=()):
        joins = [part for option in ([join] if isinstance(join, str) else join) for part in ("--join", option)]
        file = self.warns(*inputs, *joins, "--format", "f32", *options)
        return file.rows_f32(name)

    def refuses(self, *inputs, join, says):
        joins = [part for option in ([join] if isinstance(join, str) else join) for part in ("--join", option)]
        self.fails("convert", *inputs, *joins, "-o", "out", says=says)


class OneFile(Joins):
    def test_natural_order(self):
        for counts in ((3, 1), (1,) * 12, (5, 0, 7), tuple(range(1, 40))):
            for first in (0, 1):
                rows = self.shards(*counts, first=first)
                self.assertEqual(self.joins("m.safetensors", join="emb.*.weight=emb"), rows)

    def test_others_stay(self):
        self.shards(3, 4, more=[("fc", ("F32", [1, 2], bytes(8)))])
        self.assertEqual(self.warns("m.safetensors", "--join", "emb.*=emb").tables(), ["emb", "fc"])
        self.assertEqual(self.warns("m.safetensors", "--join", "emb.*=emb", "--table", "emb=e2").tables(), ["e2"])
        self.assertEqual(self.warns("m.safetensors", "--join", "emb.*=emb", "--exclude", "emb").tables(), ["fc"])

    def test_large_shards_cross_blocks(self):
        rows = self.shards(70_001, 3, 100_000)
        self.assertEqual(self.joins("m.safetensors", join="emb.*=emb"), rows)
        file = self.convert("m.safetensors", "--join", "emb.*=emb")
        self.assertEqual(file.header["emb"]["shape"][0], 170_004)
        self.passes("verify", "out.safetensors", "--against", "m.safetensors", "--join", "emb.*=emb")

    def test_limit_and_transforms(self):
        rows = self.shards(3, 4, 5)
        for limit in (2, 3, 5, 12, 100):
            self.assertEqual(self.joins("m.safetensors", join="emb.*=emb", options=["--limit", str(limit)]), rows[:limit])
        self.warns("m.safetensors", "--join", "emb.*=emb", "--padding-idx", "emb=11")

    def test_several_options_give_the_order(self):
        self.write("m.safetensors", safetensors({"b": ("F32", [1, 1], packed([[1]])), "a": ("F32", [1, 1], packed([[2]])),
                                                 "c.1": ("F32", [1, 1], packed([[4]])),
                                                 "c.0": ("F32", [1, 1], packed([[3]]))}))
        self.assertEqual(self.joins("m.safetensors", join=["b=t", "a=t", "c.*=t"], name="t"), [[1], [2], [3], [4]])

    def test_checkpoints_and_origin(self):
        stored = {str(i): packed(rows_from(3 * i, 3)) for i in range(11)}
        value = {f"e.{i}": tensor(storage(str(i), 6), (3, 2)) for i in range(11)}
        self.write("m.pt", checkpoint(value, stored))
        self.assertEqual(self.joins("m.pt", join="e.*=e", name="e"), rows_from(0, 33))
        self.assertIn("11 joined, m.pt:e.0 to m.pt:e.10", self.passes("inspect", "out"))

    def test_refusals(self):
        self.shards(2, 2, 2)
        tensors = {f"emb.{i}": ("F32", [2, 2], bytes(16)) for i in (0, 1, 3)}
        self.write("gap.safetensors", safetensors(tensors))
        self.refuses("gap.safetensors", join="emb.*=emb", says=["--join", "number 2 is missing between emb.1 and emb.3"])
        for odd, says in ((("F16", [2, 2], bytes(8)), "emb.2 is f16 of 2 columns, but emb.0 is f32 of 2 columns"),
                          (("F32", [2, 3], bytes(24)), "emb.2 is f32 of 3 columns")):
            self.write("odd.safetensors", safetensors({**tensors, "emb.2": odd}))
            self.refuses("odd.safetensors", join="emb.*=emb", says=["odd.safetensors: ", says])
        self.write("odd.safetensors", safetensors({**tensors, "emb.2": ("I8", [5, 2], bytes(10))}))
        self.refuses("odd.safetensors", join="emb.*=emb", says=["emb.2 (I8 5 x 2)"])
        self.write("odd.safetensors", safetensors({**tensors, "emb.0": ("I8", [2, 2], bytes(4)),
                                                   "emb.2": ("F32", [2, 2], bytes(16))}))
        self.refuses("odd.safetensors", join="emb.*=emb", says=["emb.0 (I8 2 x 2)"])
        for join, says in (("emb.*.weight", "no name for the joined table"), ("emb.*.weight=", "no name"),
                           ("x.*=emb", "no input has a table x.*"), (["emb.*=a", "emb.1.weight=a"], "joined already"),
                           (["emb.0.weight=a", "emb.0.weight=b"], "joined already")):
            self.refuses("m.safetensors", join=join, says=says)

    def test_bad_rows_are_named_in_their_shard(self):
        bad = ("F32", [2, 4], packed([[1, 2, 3, 4], [float("nan"), 3, 4, 5]]))
        self.write("m.safetensors", safetensors({"e.0": ("F32", [2, 4], bytes(32)), "e.1": bad}))
        self.refuses("m.safetensors", join="e.*=e", says=["m.safetensors: e.1: ", "row 1: column 0 is NaN"])


class SeveralFiles(Joins):
    def test_a_shard_a_file(self):
        for i in range(12):
            self.write(f"part-{i}.npy", npy([x for row in rows_from(5 * i, 5) for x in row], (5, 2)))
        names = [f"part-{i}.npy" for i in range(12)]
        random.Random(1).shuffle(names)
        self.assertEqual(self.joins(*names, join="part-*=emb"), rows_from(0, 60))
        names.remove("part-7.npy")
        self.refuses(*names, join="part-*=emb", says="number 7 is missing between part-6 and part-8")

    def test_of_how_many(self):
        for i in (1, 2):
            self.write(f"e-0000{i}-of-00003.npy", npy([i], (1, 1)))
        self.refuses("e-00001-of-00003.npy", "e-00002-of-00003.npy", join="e-*=e", says="2 of 3")
        self.write("e-00003-of-00003.npy", npy([3], (1, 1)))
        names = [f"e-0000{i}-of-00003.npy" for i in (3, 1, 2)]
        self.assertEqual(self.joins(*names, join="e-*=e", name="e"), [[1], [2], [3]])

    def test_one_name_in_all(self):
        for i in (0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9):
            self.write(f"s{i}.safetensors", safetensors({"emb": ("F32", [1, 2], packed(rows_from(i, 1)))}))
        names = [f"s{i}.safetensors" for i in (10, *range(10))]
        self.assertEqual(self.joins(*names, join="emb=emb"), rows_from(0, 11))
        self.write("x.safetensors", safetensors({"emb": ("F32", [1, 2], packed(rows_from(11, 1)))}))
        self.refuses("x.safetensors", "s0.safetensors", join="emb=emb", says=["x.safetensors", "order"])
        joins = ["x.safetensors:emb=emb", "s0.safetensors:emb=emb"]
        self.assertEqual(self.joins("s0.safetensors", "x.safetensors", join=joins), rows_from(11, 1) + rows_from(0, 1))

    def test_names_are_joined(self):
        self.write("w1.vec", "a 1 2\nb 3 4\n")
        self.write("w2.vec", "c 5 6\n")
        self.assertEqual(self.joins("w2.vec", "w1.vec", join="w*=w", name="w"), [[1, 2], [3, 4], [5, 6]])
        self.assertIn("2 c: 5 6\n", self.passes("inspect", "out", "--rows", "w:2"))
        self.write("w2.npy", npy([1, 2], (1, 2)))
        self.refuses("w1.vec", "w2.npy", join="w*=w", says=["w2.npy: w2 has no names of rows, but w1 in w1.vec has some"])

    def test_tables_with_ids_of_their_own(self):
        self.write("e.0.npy", npy([1, 2], (2, 1)))
        self.passes("convert", "e.0.npy", "--padding-idx", "0", "--format", "f32", "-o", "t.safetensors")
        self.write("e.1.npy", npy([1, 2], (2, 1)))
        self.refuses("t.safetensors", "e.1.npy", join="e.*=e", says=["t.safetensors: e.0 has a remap, hot rows or a padding"])

    def test_coded_rows(self):
        for i in (0, 1):
            self.write(f"e{i}.npy", npy([x for row in rows_from(4 * i, 4, 8) for x in row], (4, 8)))
            self.passes("convert", f"e{i}.npy", "--format", "int8", "-o", f"{i}.safetensors")
        file = self.warns("1.safetensors", "0.safetensors", "--join", "e*=e")
        whole = self.convert("e0.npy", "e1.npy", "--join", "e*=e", out="whole")
        self.assertEqual(file.tensor("e"), whole.tensor("e"))
