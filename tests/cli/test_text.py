"""convert from word-vector text: what is read, with which names, and which line an error names."""
from support import CommandTest, Safetensors, f32


class Reads(CommandTest):
    def reads(self, text, rows, names):
        self.write("v.vec", text)
        self.assertEqual(self.table_as_f32("v.vec"), rows)
        if names:
            file = Safetensors(self.read("as-f32.safetensors"))
            self.assertEqual(file.tensor(file.record("v")["names"]).decode().split("\n"), names)

    def test_without_header(self):
        self.reads("cat 1 2 3\ndog -4 0.5 6e0\n", [[1, 2, 3], [-4, 0.5, 6]], ["cat", "dog"])

    def test_with_header(self):
        self.reads("2 3\ncat 1 2 3\ndog -4 0.5 6\n", [[1, 2, 3], [-4, 0.5, 6]], ["cat", "dog"])

    def test_line_ends_and_blanks(self):
        self.reads("2 2 \r\ncat 1 2 \r\ndog\t3  4", [[1, 2], [3, 4]], ["cat", "dog"])

    def test_names_of_several_words(self):
        self.reads("cat 1 2\n. . . 3 4\nat home@example.org 5 6\n", [[1, 2], [3, 4], [5, 6]],
                   ["cat", ". . .", "at home@example.org"])

    def test_header_tells_names_that_end_in_a_number(self):
        self.reads("3 2\na 1 2\n2 1 2\nx 3 1 2\n", [[1, 2], [1, 2], [1, 2]], ["a", "2", "x 3"])

    def test_names_that_end_in_nan_or_inf(self):
        self.reads("cat 1 2\nmy nan 3 4\nto inf 5 6\n", [[1, 2], [3, 4], [5, 6]], ["cat", "my nan", "to inf"])

    def test_byte_order_mark(self):
        self.reads(b"\xef\xbb\xbfcat 1 2\n", [[1, 2]], ["cat"])
        self.reads(b"\xef\xbb\xbf1 2\ncat 1 2\n", [[1, 2]], ["cat"])

    def test_names_that_are_numbers(self):
        self.reads("2 3 4\nx 6 7\n", [[3, 4], [6, 7]], ["2", "x"])
        self.reads("42 3\n7 2\nx 1\n", [[3], [2], [1]], ["42", "7", "x"])

    def test_names_of_any_bytes_and_twice(self):
        self.write("v.vec", b"\xff\xfe 1\n\xe4 2\n\xe4 3\n")
        self.assertEqual(self.table_as_f32("v.vec"), [[1], [2], [3]])

    def test_numbers(self):
        texts = ["1e-50", "1e-46", "1e-45", "+2", "-.5", "3.", "16777217", "0.1", "1e-400"]
        self.reads("x " + " ".join(texts) + "\n", [[0.0, 0.0, f32(1e-45), 2.0, -0.5, 3.0, 16777216.0, f32(0.1), 0.0]],
                   ["x"])

    def test_no_rows(self):
        self.reads("0 4\n", [], None)

    def test_many_rows_in_order(self):
        lines = [f"w{i} {i} {i / 8}" for i in range(70000)]
        self.write("v.vec", "\n".join(lines))
        rows = self.table_as_f32("v.vec")
        self.assertEqual(rows, [[float(i), i / 8] for i in range(70000)])


class Refuses(CommandTest):
    def refuses(self, text, *says):
        self.write("v.txt", text)
        self.fails("convert", "v.txt", "-o", "out", says=says)

    def test_header_that_lies(self):
        self.refuses("3 2\ncat 1 2\ndog 3 4\n", "v.txt:1:", "3 rows", "2 follow")
        self.refuses("1 2\ncat 1 2\ndog 3 4\n", "v.txt:1:", "1 rows", "2 follow")

    def test_rows_of_another_length(self):
        self.refuses("cat 1 2\ndog 3\n", "v.txt:2:", "1 numbers, expected 2")
        self.refuses("cat 1 2\ndog 3 4 5\n", "v.txt:2:", "more than 2 numbers")
        self.refuses("cat 1 2\n\ndog 3 4\n", "v.txt:2:", "empty line")
        self.refuses("cat 1 2\n 3 4\n", "v.txt:2:", "no name")

    def test_what_is_no_number(self):
        self.refuses("2 2\ncat 1 2\ndog 3 four\n", "v.txt:3:", "'four'")
        self.refuses("cat 1 0x10\n", "v.txt:1:", "'0x10'")
        self.refuses("cat 1 1e40\n", "v.txt:1:", "'1e40'")
        self.refuses("cat 1 1,5\n", "v.txt:1:", "'1,5'")
        self.refuses("cat 1 +-5\n", "v.txt:1:", "'+-5'")

    def test_what_is_no_text(self):
        self.refuses(b"a\0b 1 2\n", "v.txt:1:", "NUL")
        self.refuses(b"\x7fELF\n\x02\0\x01" + bytes(range(256)), "v.txt:2:", "no word-vector text")
        self.refuses("word\n", "v.txt:1:", "no word-vector text")

    def test_not_finite(self):
        self.refuses("cat 1 2 3\ndog nan 3 4\n", "v.txt", "row 1", "column 0 is NaN")
        self.refuses("cat 1 -inf 2\n", "v.txt", "row 0", "column 1 is infinite")

    def test_rows_too_wide(self):
        self.refuses("w" + " 1" * 65537 + "\n", "v.txt:1", "65537")
        self.refuses("1 65537\nw" + " 1" * 65537 + "\n", "v.txt:1", "65537")
