"""pool: the same results as torch.nn.functional.embedding_bag, and what it refuses."""
import struct

from support import CommandTest, f32, npy, npy_header, npy_raw, read_npy, safetensors

# Row i is (i, 10 * i), so that sums can be told by eye.
ROWS = 10


class PoolTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("t.npy", npy([x for i in range(ROWS) for x in (i, 10 * i)], (ROWS, 2)))
        self.passes("convert", "t.npy", "--format", "f32", "-o", "t.safetensors")
        self.write("i.npy", npy([1, 2, 3, 9], (4,), "i8"))
        self.write("o.npy", npy([0, 1, 1], (3,), "i8"))

    def array(self, name, values, shape=None, dtype="i8"):
        return self.write(name, npy(values, (len(values),) if shape is None else shape, dtype))

    def pool(self, *args):
        self.passes("pool", "t.safetensors", "t", *args, "-o", "out.npy")
        return read_npy(self.read("out.npy"))

    def refuses(self, *args, says, status=1):
        self.fails("pool", "t.safetensors", "t", *args, "-o", "out.npy", says=says, status=status)


class Results(PoolTest):
    def test_modes(self):
        bags = ["--indices", "i.npy", "--offsets", "o.npy"]  # bags 1; none; 2, 3, 9
        root = f32(14 / 3**0.5)
        for mode, last in {"sum": 14, "max": 9, "sqrtn": root}.items():
            with self.subTest(mode):
                descr, shape, values = self.pool(*bags, "--mode", mode)
                self.assertEqual((descr, shape), ("<f4", (3, 2)))
                self.assertEqual(values[:5], [1, 10, 0, 0, last])

    def test_mean_unless_told_otherwise(self):
        self.array("i.npy", [1, 2, 3, 8])
        self.assertEqual(self.pool("--indices", "i.npy", "--offsets", "o.npy")[2][4:], [f32(13 / 3), f32(130 / 3)])

    def test_lengths_and_closing_offset(self):
        self.array("l.npy", [1, 0, 3], dtype="i4")
        self.array("c.npy", [0, 1, 1, 4], dtype="i4")
        expected = self.pool("--indices", "i.npy", "--offsets", "o.npy")
        self.assertEqual(self.pool("--indices", "i.npy", "--lengths", "l.npy"), expected)
        self.assertEqual(self.pool("--indices", "i.npy", "--offsets", "c.npy", "--include-last-offset"), expected)

    def test_matrix_of_indices(self):
        self.array("m.npy", [1, 2, 3, 4, 5, 6], (2, 3), "i4")
        self.assertEqual(self.pool("--indices", "m.npy", "--mode", "sum"), ("<f4", (2, 2), [6, 60, 15, 150]))

    def test_plain_lookup_of_any_shape(self):
        for shape in [(6,), (2, 3), (1, 3, 2)]:
            with self.subTest(shape):
                self.array("m.npy", [1, 2, 3, 4, 5, 9], shape)
                self.assertEqual(self.pool("--indices", "m.npy", "--mode", "none"),
                                 ("<f4", (*shape, 2), [1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 9, 90]))
        self.array("m.npy", [7], ())
        self.assertEqual(self.pool("--indices", "m.npy", "--mode", "none"), ("<f4", (2,), [7, 70]))

    def test_nothing_to_look_up(self):
        self.array("n.npy", [], (0,))
        self.assertEqual(self.pool("--indices", "n.npy", "--offsets", "n.npy")[1], (0, 2))
        self.array("z.npy", [0])
        self.assertEqual(self.pool("--indices", "n.npy", "--offsets", "z.npy"), ("<f4", (1, 2), [0, 0]))
        self.array("m.npy", [], (2, 0))
        self.assertEqual(self.pool("--indices", "m.npy"), ("<f4", (2, 2), [0, 0, 0, 0]))

    def test_weights(self):
        self.array("w.npy", [2.0, 1.0, -1.0, 0.5], dtype="f4")
        bags = ["--indices", "i.npy", "--offsets", "o.npy", "--weights", "w.npy"]
        self.assertEqual(self.pool(*bags, "--mode", "sum")[2], [2, 20, 0, 0, 3.5, 35])

    def test_padding(self):
        bags = ["--indices", "i.npy", "--offsets", "o.npy", "--mode", "sum"]
        self.assertEqual(self.pool(*bags, "--padding-idx", "9")[2][4:], [5, 50])
        self.assertEqual(self.pool(*bags, "--padding-idx", "-1")[2][4:], [5, 50])

    def test_skipped_indices_are_counted(self):
        self.array("i.npy", [1, -1, 10, 9])
        said = self.passes("pool", "t.safetensors", "t", "--indices", "i.npy", "--offsets", "o.npy", "--on-bad-index",
                           "skip", "--mode", "sum", "-o", "out.npy")
        self.assertIn("3 bags x 2 f32, 2 bad indices skipped", said)
        self.assertEqual(read_npy(self.read("out.npy"))[2], [1, 10, 0, 0, 9, 90])

    def test_divisors(self):
        self.array("i.npy", [1, 2, 4, 9, 0, 0])
        self.array("w.npy", [1.0, 2.0, 2.0, 4.0, 1.0, 1.0], dtype="f4")
        self.array("o.npy", [0, 4])
        bags = ["--indices", "i.npy", "--offsets", "o.npy", "--padding-idx", "9"]
        for mode, rows, length in (("mean", 7 / 3, 7 / 4), ("sqrtn", f32(7 / 3**0.5), 3.5), ("sum", 7, 7)):
            self.assertEqual(self.pool(*bags, "--mode", mode)[2][0], f32(rows))
            self.assertEqual(self.pool(*bags, "--mode", mode, "--divisor", "rows_taken")[2][0], f32(rows))
            self.assertEqual(self.pool(*bags, "--mode", mode, "--divisor", "bag_length")[2][0], f32(length))
        weighted = [*bags, "--weights", "w.npy"]
        self.assertEqual(self.pool(*weighted)[2][0], f32(13 / 5))
        self.assertEqual(self.pool(*weighted, "--divisor", "bag_length")[2][0], f32(13 / 4))
        self.refuses(*bags, "--divisor", "rows", says=["--divisor", "rows_taken|bag_length"], status=2)

    def test_output_types(self):
        bags = ["--indices", "i.npy", "--offsets", "o.npy", "--mode", "sum"]
        self.assertEqual(self.pool(*bags, "--output-type", "f16"), ("<f2", (3, 2), [1, 10, 0, 0, 14, 140]))
        self.assertEqual(self.pool(*bags, "--output-type", "bf16"), ("<V2", (3, 2), [1, 10, 0, 0, 14, 140]))

    def test_threads_do_not_change_a_bit(self):
        self.array("m.npy", [i * 7 % 10 for i in range(30000)], (3000, 10))
        results = []
        for threads in "0123":
            self.pool("--indices", "m.npy", "--threads", threads)
            results.append(self.read("out.npy"))
        self.assertEqual(results, [results[0]] * 4)

    def test_foreign_file_as_it_is(self):
        half = struct.pack("<3e", 1, 2, 4)
        self.write("f.safetensors", safetensors({"odd": ("U8", [1], b"x"), "w": ("F16", [3, 1], half)}))
        self.array("i.npy", [1, 2])
        self.array("o.npy", [0])
        self.passes("pool", "f.safetensors", "w", "--indices", "i.npy", "--offsets", "o.npy", "--mode", "sum", "-o",
                    "out.npy")
        self.assertEqual(read_npy(self.read("out.npy")), ("<f4", (1, 1), [6]))


class Refusals(PoolTest):
    def test_indices_out_of_range(self):
        for bad in (-1, ROWS, 2**62):
            with self.subTest(bad):
                self.array("i.npy", [1, 2, bad, 9])
                self.refuses("--indices", "i.npy", "--offsets", "o.npy",
                             says=["i.npy", "table t", "bag 2", str(bad), "position 2"])

    def test_offsets(self):
        for offsets, says in {(1, 2, 3): "first", (0, 3, 2): "bag", (0, 1, 5): "5", (-1, 0, 0): "-1", (): ""}.items():
            with self.subTest(offsets):
                self.array("o.npy", offsets)
                self.refuses("--indices", "i.npy", "--offsets", "o.npy", says="o.npy")
        self.array("o.npy", [0, 1, 3])
        self.refuses("--indices", "i.npy", "--offsets", "o.npy", "--include-last-offset", says=["o.npy", "3", "4"])
        self.array("o.npy", [])
        self.refuses("--indices", "i.npy", "--offsets", "o.npy", "--include-last-offset", says="o.npy")

    def test_lengths(self):
        for lengths in [(1, 2), (5, -1), (2, 3), ()]:
            with self.subTest(lengths):
                self.array("l.npy", lengths)
                self.refuses("--indices", "i.npy", "--lengths", "l.npy", says="l.npy")

    def test_weights(self):
        bags = ["--indices", "i.npy", "--offsets", "o.npy", "--weights", "w.npy"]
        self.array("w.npy", [1.0, 2.0], dtype="f4")
        self.refuses(*bags, says=["w.npy", "(2,)", "(4,)"])
        self.array("w.npy", [1.0] * 4, dtype="f8")
        self.refuses(*bags, says=["w.npy", "f8", "float32"])
        self.array("w.npy", [1.0] * 4, dtype="f4")
        self.refuses(*bags, "--mode", "max", says="weights go with")

    def test_shapes(self):
        self.refuses("--indices", "i.npy", says=["i.npy", "--offsets or --lengths"])
        self.array("m.npy", [1, 2], (1, 2))
        self.refuses("--indices", "m.npy", "--offsets", "o.npy", says=["m.npy", "(1, 2)"])
        self.refuses("--indices", "i.npy", "--offsets", "m.npy", says=["m.npy", "offsets", "(1, 2)"])
        self.array("m.npy", [1, 2], (1, 1, 2))
        self.refuses("--indices", "m.npy", says=["m.npy", "(1, 1, 2)"])

    def test_types(self):
        self.array("i.npy", [1.0], dtype="f4")
        self.refuses("--indices", "i.npy", "--offsets", "o.npy", says=["i.npy", "f4", "int32 or int64"])
        self.write("i.npy", npy_raw(npy_header("<i2", (1,)), b"\0\0"))
        self.refuses("--indices", "i.npy", "--offsets", "o.npy", says=["i.npy", "'<i2'"])
        self.write("i.npy", npy([1], (1,), "i8", ">"))
        self.refuses("--indices", "i.npy", "--offsets", "o.npy", says=["i.npy", "big-endian"])
        self.write("i.npy", npy([1, 2, 3, 4], (2, 2), "i8", fortran=True))
        self.refuses("--indices", "i.npy", says=["i.npy", "Fortran"])
        text = npy_header("<i8", (1,)).encode()
        text += b" " * (-(len(text) + 10) % 8 + 1)
        self.write("i.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + b"\0" * 8)
        self.refuses("--indices", "i.npy", "--offsets", "o.npy", says=["i.npy", "multiple of 8"])

    def test_padding_outside_the_table(self):
        for padding in ("10", "-11"):
            self.refuses("--indices", "i.npy", "--offsets", "o.npy", "--padding-idx", padding, says=padding)

    def test_names_and_files(self):
        bags = ["--indices", "i.npy", "--offsets", "o.npy", "-o", "out.npy"]
        self.fails("pool", "t.safetensors", "u", *bags, says=["t.safetensors", "u"])
        self.fails("pool", "missing", "t", *bags, says=["missing", "No such file"])
        self.refuses("--indices", "i.npy", "--offsets", "missing.npy", says=["missing.npy", "No such file"])
        self.fails("pool", "t.safetensors", "t", *bags[:-1], "no/out.npy", says=["no/out.npy", "No such file"])

    def test_more_output_than_memory(self):
        for bags in (2**44, 2**60, 2**63):
            self.array("m.npy", [], (bags, 0))
            self.refuses("--indices", "m.npy", says=["out.npy", str(bags), "memory"])

    def test_usage(self):
        for args in [["--mode", "median"], ["--on-bad-index", "wrap"], ["--output-type", "int8"], ["--threads", "-1"],
                     ["--offsets", "o.npy", "--lengths", "o.npy"], ["--include-last-offset"],
                     ["--mode", "none", "--offsets", "o.npy"], ["--padding-idx", "x"],
                     ["--padding-idx", "99999999999999999999"], ["--threads", "1025"], ["--weights", ""]]:
            with self.subTest(args):
                self.refuses("--indices", "i.npy", *args, says=args[0], status=2)
        self.fails("pool", "t.safetensors", "t", "-o", "out.npy", says="--indices", status=2)
