"""convert from word2vec's binary files: what is read, with which names, and which row an error names."""
import random
import struct

from support import CommandTest, Safetensors, f32, random_rows


def word2vec(rows, header=None, end=b"\n"):
    """A file's bytes, of [(name, values)]. The original tool ends rows with a newline, gensim with nothing."""
    text = header or f"{len(rows)} {len(rows[0][1])}\n"
    return text.encode() + b"".join(name + b" " + struct.pack(f"<{len(values)}f", *values) + end
                                    for name, values in rows)


ROWS = [(b"</s>", [0.0, -1.0, 0.5]), (b"caf\xc3\xa9", [1.5, 2.5, -3.5]), (b"12", [1e-3, 1e9, 3.0])]


class Reads(CommandTest):
    def reads(self, data, rows, name="v.bin"):
        self.write(name, data)
        self.assertEqual(self.table_as_f32(name), [[f32(value) for value in values] for _, values in rows])
        file = Safetensors(self.read("as-f32.safetensors"))
        self.assertEqual(file.tensor(file.record("v")["names"]), b"\n".join(name for name, _ in rows))

    def test_rows_that_end_in_a_newline_and_that_do_not(self):
        self.reads(word2vec(ROWS), ROWS)
        self.reads(word2vec(ROWS, end=b""), ROWS)
        self.reads(word2vec(ROWS)[:-1], ROWS)

    def test_values_whose_bytes_are_newlines_and_spaces(self):
        (value,) = struct.unpack("<f", b"\n \n ")
        rows = [(b"a", [value] * 3), (b"b", [value] * 3), (b"c", [0.0] * 3)]
        for end in (b"\n", b""):
            self.reads(word2vec([rows[2], *rows[:2]], end=end), [rows[2], *rows[:2]])

    def test_told_by_what_it_holds(self):
        for name in ("v.bin", "v.txt", "v.vec", "v"):
            self.reads(word2vec(ROWS), ROWS, name)
        self.reads(word2vec([(b"w", [0.1])]), [(b"w", [0.1])])
        self.reads(word2vec(ROWS, header="3 3 \r\n"), ROWS)

    def test_names_of_any_bytes_and_twice(self):
        rows = [(b"\xff\xfe", [1.0]), (b"a\tb", [2.0]), (b"x" * 10000, [3.0]), (b"\xff\xfe", [4.0])]
        self.reads(word2vec(rows), rows)

    def test_many_rows_in_order(self):
        rng = random.Random(3)
        rows = [(b"w" * (1 + i % 7) + str(i).encode(), row) for i, row in enumerate(random_rows(rng, 60000, 17))]
        self.reads(word2vec(rows, end=b""), rows)

    def test_nearest_knows_the_names(self):
        rows = [(b"cat", [1.0, 0.0]), (b"dog", [0.9, 0.1]), (b"car", [0.0, 1.0])]
        self.convert(self.write("v.bin", word2vec(rows)), form="f32")
        self.assertEqual(self.passes("nearest", "out.safetensors", "v", "cat", "-k", "1").split()[1], "dog")

    def test_text_stays_text(self):
        for text, names in ((b"2 2\ncat 1 2\ndog 3 4\n", b"cat\ndog"), (b"42 3\n7 2\nx 1\n", b"42\n7\nx"),
                            (b"2 2\n\xe0 l\xe0 1 2\n\xe9 3 4\n", b"\xe0 l\xe0\n\xe9")):
            file = self.convert(self.write("v.bin", text), form="f32")
            self.assertEqual(file.tensor(file.record("v")["names"]), names)


class Refuses(CommandTest):
    def refuses(self, data, *says):
        self.write("v.bin", data)
        return self.fails("convert", "v.bin", "-o", "out", says=["v.bin", *says])

    def test_every_prefix(self):
        for end in (b"\n", b""):
            data = word2vec(ROWS, end=end)
            for size in [0, 1, 2, *range(5, len(data) - len(end))]:  # what is left of 3 and 4 bytes is a row of text
                with self.subTest(size=size, end=end):
                    self.refuses(data[:size])

    def test_cut_short(self):
        data = word2vec(ROWS)
        self.refuses(data[:-2], "row 2 at byte 44", "ends after 11 bytes of its values, which are 12")
        self.refuses(word2vec([(b"a" * 90, [0.0] * 3)] * 2, header="3 3\n"), "row 2 at byte 212", "ends in its name")

    def test_headers_that_lie(self):
        self.refuses(word2vec(ROWS, header="9 3\n"), "says 9 rows of 3 values", "13 or more")
        self.refuses(word2vec(ROWS, header="2 3\n"), "byte 41: 16 bytes follow the last of 2 rows")
        self.refuses(word2vec(ROWS, header="18446744073709551615 3\n"), "18446744073709551615 rows")
        self.refuses(word2vec(ROWS, header="3 65537\n"), "65537")
        self.refuses(word2vec(ROWS, header="3 4611686018427387904\n"), "4611686018427387904")
        self.refuses(word2vec(ROWS, header="3 18446744073709551616\n"))

    def test_names(self):
        self.refuses(word2vec([*ROWS[:2], (b"a\nb", [0.0] * 3)]), "row 2", "a newline in its name")
        self.refuses(word2vec([(b"a", [0.0] * 20000), (b"x" * 65537, [0.0] * 20000)]), "row 1", "65536 bytes")

    def test_values_that_no_code_can_hold(self):
        self.refuses(word2vec([*ROWS, (b"bad", [0.0, float("nan"), 0.0])]), "row 3", "column 1 is NaN")
