"""convert from fastText's models: the input matrix and its names, what is refused, and models of the real tool."""
import random
import shutil
import struct
import subprocess
import unittest

from support import CommandTest, Safetensors, f32, flat, npy, random_rows, read_npy

WORD, LABEL = 0, 1


def fasttext(entries, matrix, dim=None, buckets=None, version=12, model=2, pruned=None, quantized=0, tail=b"",
             counts=None, shape=None, ngrams=(3, 6)):
    """A model's bytes, of [(name, type)] and rows. Arguments that are not given follow from these."""
    words = sum(kind == WORD for _, kind in entries)
    dim = len(matrix[0]) if dim is None else dim
    buckets = len(matrix) - words if buckets is None else buckets
    data = struct.pack("<2i", 793712314, version)
    data += struct.pack("<12id", dim, 5, 1, 1, 5, 1, 2, model, buckets, *ngrams, 100, 1e-4)
    size = counts or (len(entries), words, len(entries) - words)
    data += struct.pack("<3i2q", *size, 1000, -1 if pruned is None else len(pruned))
    data += b"".join(name + b"\0" + struct.pack("<qb", 7, kind) for name, kind in entries)
    data += b"".join(struct.pack("<2i", *pair) for pair in pruned or [])
    data += struct.pack("<B2q", quantized, *(shape or (len(matrix), dim)))
    return data + struct.pack(f"<{len(matrix) * len(matrix[0])}f", *flat(matrix)) + tail


def fnv1a(data):
    """fastText's hash of an n-gram: FNV-1a over bytes as signed numbers."""
    value = 2166136261
    for byte in data:
        value = (value ^ (byte - 256 if byte > 127 else byte) & 0xFFFFFFFF) * 16777619 & 0xFFFFFFFF
    return value


def rows_of(word, words, buckets, shortest, longest):
    """Rows of the input matrix that fastText takes for a word: its own, if there is one, and those of its n-grams."""
    text = "<" + word + ">"
    grams = [text[i : i + n] for i in range(len(text)) for n in range(shortest, longest + 1) if i + n <= len(text)
             and not (n == 1 and (i == 0 or i + n == len(text)))]
    own = [words.index(word)] if word in words else []
    return own + [len(words) + fnv1a(gram.encode()) % buckets for gram in grams]


ENTRIES = [(b"</s>", WORD), (b"cat", WORD), (b"caf\xc3\xa9", WORD)]
MATRIX = [[0.0, 0.0], [1.0, 0.5], [-1.0, 2.0], [3.0, 4.0], [1.0, 0.5]]


class Reads(CommandTest):
    def reads(self, data, rows, names):
        self.write("m.bin", data)
        self.assertEqual(self.table_as_f32("m.bin"), rows)
        file = Safetensors(self.read("as-f32.safetensors"))
        self.assertEqual(file.tensor(file.record("m")["names"]).split(b"\n"), names)
        return file

    def test_words_and_buckets(self):
        names = [b"</s>", b"cat", b"caf\xc3\xa9", b"", b""]
        file = self.reads(fasttext(ENTRIES, MATRIX), MATRIX, names)
        self.assertEqual(file.record("m")["source"], "m.bin: 3 words, 2 buckets, n-grams of 3 to 6")
        self.reads(fasttext(ENTRIES, MATRIX, version=11), MATRIX, names)
        self.assertIn("all checksums match", self.passes("verify", "as-f32.safetensors"))

    def test_output_matrix_is_ignored(self):
        self.reads(fasttext(ENTRIES, MATRIX, tail=b"\0" + b"\xff" * 100), MATRIX, [n for n, _ in ENTRIES] + [b"", b""])

    def test_without_buckets(self):
        self.reads(fasttext(ENTRIES, MATRIX[:3], ngrams=(0, 0)), MATRIX[:3], [name for name, _ in ENTRIES])

    def test_labels_have_no_rows(self):
        labels = [(b"__label__a", LABEL), (b"__label__b", LABEL)]
        file = self.reads(fasttext(ENTRIES + labels, MATRIX, version=11, model=3), MATRIX,
                          [name for name, _ in ENTRIES] + [b"", b""])
        self.assertIn("n-grams of 3 to 0", file.record("m")["source"])  # supervised models of version 11 have none

    def test_without_words(self):
        self.write("m.bin", fasttext([(b"x", LABEL)], MATRIX))
        self.assertEqual(self.table_as_f32("m.bin"), MATRIX)
        self.assertNotIn("names", Safetensors(self.read("as-f32.safetensors")).record("m"))

    def test_nearest_offers_no_buckets(self):
        self.convert(self.write("m.bin", fasttext(ENTRIES, MATRIX)), form="f32")
        lines = self.passes("nearest", "out.safetensors", "m", "cat").splitlines()
        self.assertEqual([line.split()[1] for line in lines], ["caf\u00e9"])  # row 4 equals cat's, but has no name


class Refuses(CommandTest):
    def refuses(self, data, *says):
        self.write("m.bin", data)
        return self.fails("convert", "m.bin", "-o", "out", says=["m.bin", *says])

    def test_every_prefix(self):
        data = fasttext(ENTRIES, MATRIX)
        for size in range(len(data)):
            with self.subTest(size=size):
                self.refuses(data[:size])

    def test_cut_short(self):
        data = fasttext(ENTRIES, MATRIX)
        self.refuses(data[:-1], "byte 151: the file ends in its input matrix, which needs 40 bytes and has 39")
        self.refuses(data[:7], "byte 4", "version")

    def test_quantized_and_pruned(self):
        self.refuses(fasttext(ENTRIES, MATRIX, quantized=1), "quantized", "retrain", "before 'fasttext quantize'")
        self.refuses(fasttext(ENTRIES, MATRIX, quantized=1, pruned=[(7, 0)]), "quantized")
        self.refuses(fasttext(ENTRIES, MATRIX, pruned=[(7, 0), (9, 1)]), "pruned dictionary")

    def test_counts_that_lie(self):
        self.refuses(fasttext(ENTRIES, MATRIX, counts=(4, 3, 0)), "byte 64: 4 entries, but 3 words and 0 labels")
        self.refuses(fasttext(ENTRIES, MATRIX, counts=(3, -1, 4)), "byte 68: number of words is -1")
        self.refuses(fasttext(ENTRIES, MATRIX, counts=(2**31 - 1, 2**31 - 1, 0)), "entry 3")
        self.refuses(fasttext(ENTRIES, MATRIX, buckets=7), "input matrix of 5 x 2, expected 10 x 2", "7 rows")
        self.refuses(fasttext(ENTRIES, MATRIX, buckets=-5), "bucket is -5")
        self.refuses(fasttext(ENTRIES, MATRIX, dim=3), "which needs 60 bytes and has 40")
        self.refuses(fasttext(ENTRIES, MATRIX, shape=(5, 3)), "5 x 3, expected 5 x 2")
        self.refuses(fasttext(ENTRIES, MATRIX, shape=(-5, 2)), "rows of the input matrix is -5")
        self.refuses(fasttext(ENTRIES, MATRIX, shape=(2**62, 2)), "expected 5 x 2")
        self.refuses(fasttext(ENTRIES, MATRIX, dim=65537), "65537")
        self.refuses(fasttext(ENTRIES, MATRIX, dim=0), "rows of 0 values")

    def test_versions(self):
        for version in (10, 13, -1):
            self.refuses(fasttext(ENTRIES, MATRIX, version=version), f"version {version}", "11 and 12")

    def test_entries(self):
        self.refuses(fasttext([ENTRIES[0], (b"", WORD)], MATRIX), "entry 1", "an empty name")
        self.refuses(fasttext([ENTRIES[0], (b"a\nb", WORD)], MATRIX), "entry 1", "a newline in its name")
        self.refuses(fasttext([(b"x", LABEL), (b"y", WORD)], MATRIX), "entry 0", "of type 1, expected 0")
        self.refuses(fasttext([(b"x", 2)], MATRIX, counts=(1, 1, 0)), "entry 0", "of type 2")


@unittest.skipUnless(shutil.which("fasttext"), "there is no fasttext on PATH")
class RealTool(CommandTest):
    """Models that the fasttext command trains on a tiny text."""

    WORDS = ["cat", "dog", "house", "m\u00fcll", "tree"]

    def train(self, *args, label=""):
        rng = random.Random(5)
        lines = [(label and f"{label}{i % 2} ") + " ".join(rng.choices(self.WORDS, k=9)) for i in range(200)]
        self.write("text", "\n".join(lines) + "\n")
        self.fasttext(*args, "-input", "text", "-output", "m", "-dim", "8", "-minCount", "1", "-thread", "1")

    def fasttext(self, *args, **options):
        return subprocess.run(["fasttext", *args], cwd=self.folder, check=True, capture_output=True, **options).stdout

    def words(self):
        file = Safetensors(self.read("out.safetensors"))
        return [name for name in file.tensor(file.record("m")["names"]).decode().split("\n") if name]

    def test_word_vectors_are_means_of_bags(self):
        self.train("skipgram", "-bucket", "97", "-minn", "2", "-maxn", "4")
        self.convert("m.bin", form="f32")
        asked = self.WORDS + ["dogcat", "\u00fcber"]
        bags = [rows_of(word, self.words(), 97, 2, 4) for word in asked]
        self.write("i.npy", npy(flat(bags), (sum(map(len, bags)),), "i8"))
        self.write("l.npy", npy([len(bag) for bag in bags], (len(bags),), "i8"))
        self.passes("pool", "out.safetensors", "m", "--indices", "i.npy", "--lengths", "l.npy", "-o", "o.npy")
        _, _, values = read_npy(self.read("o.npy"))
        printed = self.fasttext("print-word-vectors", "m.bin", input="\n".join(asked).encode()).decode().splitlines()
        for i, line in enumerate(printed):
            expected = [float(text) for text in line.split()[1:]]
            for value, wanted in zip(values[i * 8 : i * 8 + 8], expected, strict=True):
                self.assertAlmostEqual(value, wanted, delta=1e-4 * max(1e-2, abs(wanted)))  # five digits are printed

    def test_words_without_ngrams_equal_the_text_file(self):
        self.train("cbow", "-maxn", "0")
        rows = self.table_as_f32("m.bin")
        lines = self.read("m.vec").decode().splitlines()[1:]
        self.assertEqual(len(rows), len(lines))
        for row, line in zip(rows, lines):
            self.assertEqual([f"{value:.5g}" for value in row], [f"{f32(float(x)):.5g}" for x in line.split()[1:]])

    def test_supervised(self):
        self.train("supervised", "-bucket", "1000", "-minn", "2", "-maxn", "3", label="__label__")
        self.convert("m.bin", form="f32")
        self.assertEqual(sorted(self.words()), sorted(["</s>", *self.WORDS]))
        self.fasttext("quantize", "-input", "text", "-output", "m", "-cutoff", "300")
        self.fails("convert", "m.ftz", "-o", "out", says=["m.ftz", "quantized"])
