"""Inputs that gzip has compressed: the same tables as without, and what hostile ones are told."""
import bz2
import gzip
import io
import json
import random
import resource
import signal
import struct
import tarfile

import support
import test_onnx as onnx
from checkpoints import archive, checkpoint, storage, tensor
from support import ConvertTest, Safetensors, npy, npz, safetensors


def words(count, dim=2):
    return "".join(f"w{i}" + "".join(f" {i + j / 4}" for j in range(dim)) + "\n" for i in range(count)).encode()


def binary(rows, dim, end=b"\n"):
    """word2vec's binary form."""
    packed = (f"w{i} ".encode() + struct.pack(f"<{dim}f", *([i] * dim)) + end for i in range(rows))
    return f"{rows} {dim}\n".encode() + b"".join(packed)


class SameTest(ConvertTest):
    def same(self, name, data, *options, limit=None):
        """Converts the data as they are and compressed, under any name; both must give the same file but for its origin."""
        options = (*options, *(["--limit", str(limit)] if limit else []))
        files = {}
        for written, content in ((name, data), (name + ".gz", gzip.compress(data)), (name, gzip.compress(data))):
            self.write(written, content)
            file = self.warns(written, "--format", "f32", *options)
            self.assertTrue(all(file.record(table)["source"].startswith(written) for table in file.tables()))
            files[content[:2] + written.encode()] = [(table, file.tensor(table), file.header.get("__names." + table))
                                                     for table in file.tables()]
        self.assertEqual(len(set(map(str, files.values()))), 1)
        return list(files.values())[0]


class Reads(SameTest):
    def test_every_kind(self):
        t = checkpoint({"e": tensor(storage("0", 6), (2, 3))}, {"0": struct.pack("<6f", *range(6))})
        f = safetensors({"a": ("F32", [2, 3], bytes(24)), "d": ("F64", [1, 1], bytes(8))})
        for name, data, tables in (("v.vec", words(5), "v"), ("v.tsv", words(5).replace(b" ", b"\t"), "v"),
                                   ("v.bin", binary(5, 3), "v"), ("e.npy", npy(range(6), (2, 3)), "e"),
                                   ("a.npz", npz({"x": npy([1, 2], (1, 2))}), "x"), ("m.pt", t, "e"),
                                   ("m.safetensors", f, "ad"), ("m.onnx", onnx.model(onnx.tensor("o", onnx.raw())), "o"),
                                   ("x.y.vec", words(3), ["x.y"])):
            with self.subTest(name):
                self.assertEqual([table for table, *_ in self.same(name, data)], list(tables))

    def test_table_files(self):
        self.convert(self.write("v.vec", words(9)))
        self.write("t.safetensors.gz", gzip.compress(self.read("out.safetensors")))
        file = self.warns("t.safetensors.gz")
        self.assertEqual(file.tensor("v"), Safetensors(self.read("out.safetensors")).tensor("v"))
        self.fails("pool", "t.safetensors.gz", "v", "--indices", "i.npy", "-o", "o",
                   says=["compressed by gzip, no table file", "rowpool convert t.safetensors.gz -o"])

    def test_messages_name_the_compressed_file(self):
        self.write("w.txt", words(5))
        self.passes("convert", "w.txt", "--format", "f32", "-o", "n.safetensors")
        damaged = self.read("n.safetensors").replace(b"w1\nw2", b"w1 w2")
        self.write("n.safetensors.gz", gzip.compress(damaged))
        line = self.fails("convert", "n.safetensors.gz", "-o", "o", says=["n.safetensors.gz: ", "names"])
        self.assertNotIn("/proc/", line)

    def test_index(self):
        self.write("1.safetensors", safetensors({"a": ("F32", [2, 3], bytes(24))}))
        self.write("m.safetensors.index.json.gz", gzip.compress(json.dumps({"weight_map": {"a": "1.safetensors"}}).encode()))
        self.assertEqual(self.warns("m.safetensors.index.json.gz").tables(), ["a"])

    def test_members_and_padding(self):
        data = words(300)
        rng = random.Random(7)
        for _ in range(5):
            cuts = sorted(rng.randrange(len(data)) for _ in range(4))
            parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
            self.write("v.gz", b"".join(map(gzip.compress, parts)) + bytes(rng.randrange(3) * 512))
            self.assertEqual(len(self.table_as_f32("v.gz")), 300)
        header = b"\x1f\x8b\x08\x1c" + bytes(6) + b"\3\0abc" + b"name\0" + b"comment\0"
        self.write("v.gz", header + gzip.compress(data)[10:])
        self.assertEqual(len(self.table_as_f32("v.gz")), 300)

    def test_names_and_arrays(self):
        self.write("e.npy.gz", gzip.compress(npy(range(6), (3, 2))))
        for name, text in (("n.txt", b"a\nb\nc\n"), ("n.tsv", b"word\tcount\na\t1\nb\t2\nc\t3\n")):
            self.write(name + ".gz", gzip.compress(text))
            self.warns("e.npy.gz", "--names", name + ".gz", "--format", "f32")
            self.assertIn("1 b: 2 3\n", self.passes("inspect", "out", "--rows", "e"))
        self.write("i.npy.gz", gzip.compress(npy([2, 0], (2,), "i8")))
        self.passes("pool", "out", "e", "--indices", "i.npy.gz", "--mode", "none", "-o", "o.npy")

    def test_other_commands(self):
        self.write("v.vec", words(20))
        self.write("v.vec.gz", gzip.compress(words(20)))
        self.passes("convert", "v.vec.gz", "-o", "out")
        self.assertIn("no table file; rowpool convert would make 1 table", self.passes("inspect", "v.vec.gz"))
        self.passes("diff", "v.vec", "v.vec.gz")
        self.passes("verify", "out", "--against", "v.vec.gz")


class Limits(SameTest):
    """The first rows of word vectors: nothing behind them is inflated."""

    def test_same_rows(self):
        for name, data in (("v.vec", words(500)), ("h.vec", b"500 2\n" + words(500)), ("v.bin", binary(500, 3)),
                           ("g.bin", binary(500, 3, b"")), ("e.npy", npy(range(1000), (500, 2)))):
            for limit in (1, 2, 499, 500, 501):
                with self.subTest(name, limit=limit):
                    ((_, rows, _),) = self.same(name, data, limit=limit)
                    self.assertEqual(len(rows), min(limit, 500) * (12 if name.endswith("bin") else 8))

    def test_what_follows_is_not_read(self):
        rng = random.Random(3)
        noise = "".join(f"w{i} {rng.random()} {rng.random()}\n" for i in range(200_000)).encode()  # of several MiB
        values = struct.pack("<500000f", *(rng.random() for _ in range(500_000)))
        rows = b"".join(b"w%d " % i + values[8 * i : 8 * i + 8] for i in range(250_000))
        for name, data in (("v.vec.gz", noise), ("v.bin.gz", b"250000 2\n" + rows)):
            packed = gzip.compress(data, 1)
            self.write(name, packed[: len(packed) // 2])
            self.refuses(name, "cut short", f"{len(packed) // 2} bytes")
            self.assertEqual(len(self.warns(name, "--limit", "7").tensor("v")), 7 * 2 * 4)

    def test_bad_lines(self):
        self.write("v.vec.gz", gzip.compress(b"a 1 2\nx\nb 3 4\nc 5 6\n"))
        self.refuses("v.vec.gz", "v.vec.gz:2: ", options=["--limit", "2"])
        self.assertEqual(len(self.warns("v.vec.gz", "--limit", "1", "--format", "f32").tensor("v")), 8)
        file = self.warns("v.vec.gz", "--limit", "2", "--on-bad-line", "skip", "--format", "f32", says=["skipped 1 bad line"])
        self.assertEqual(file.rows_f32("v"), [[1, 2], [3, 4]])

    def test_doubt(self):
        self.write("v.vec", b"3 2\na 1\nb 2\nc 3\n")
        for options in ([], ["--limit", "2"]):
            self.refuses("v.vec", "a header of 3 rows of 2 numbers, but rows of 1", options=options)

    def test_header_of_too_few_rows(self):
        self.write("v.vec", b"2 2\n" + words(4))
        self.refuses("v.vec", "2 rows, but 3 or more follow it", options=["--limit", "3"])
        self.assertEqual(len(self.warns("v.vec", "--limit", "2", "--format", "f32").tensor("v")), 16)

    def test_names_are_those_of_all_rows(self):
        self.write("v.vec", words(5))
        self.write("n.txt", "a\nb\nc\nd\ne\n")
        self.warns("v.vec", "--names", "n.txt", "--limit", "2")
        self.write("n.txt", "a\nb\n")
        self.fails("convert", "v.vec", "--names", "n.txt", "--limit", "2", "-o", "o", says="n.txt: 2 names for 5 rows")


class Refuses(ConvertTest):
    def test_every_prefix(self):
        data = gzip.compress(words(20))
        for length in range(10, len(data)):
            self.refuses(self.write("v.vec.gz", data[:length]), "cut short")
        for length in range(3, 10):
            self.refuses(self.write("v.vec.gz", data[:length]))

    def test_every_changed_byte(self):
        text = words(20)
        data = gzip.compress(text, mtime=0)
        for at in range(len(data)):
            with self.subTest(at):
                changed = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
                if 4 <= at < 10:  # time and system, which say nothing
                    continue
                self.refuses(self.write("v.vec.gz", changed))

    def test_checks(self):
        data = gzip.compress(words(20))
        self.refuses(self.write("v.gz", data[:-8] + bytes(4) + data[-4:]), "byte", "incorrect data check")
        self.refuses(self.write("v.gz", data[:-4] + bytes(4)), "byte", "incorrect length check")

    def test_what_follows(self):
        data = gzip.compress(words(20))
        for more in (b"x", bytes(100) + b"x", b"\x1f\x8b"):
            self.refuses(self.write("v.gz", data + more), f"byte {len(data)}: {len(more)} bytes follow")
        self.refuses(self.write("v.gz", data + data[:30]), "cut short")
        self.refuses(self.write("v.gz", data + b"\x1f\x8b\x08\xff" + bytes(20)), "damaged")

    def test_what_is_in_it(self):
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as file:
            file.addfile(tarfile.TarInfo("v.vec"), io.BytesIO())
        for data, *says in ((gzip.compress(words(3)), "compressed by gzip twice", "gunzip"),
                            (archive({"glove.txt": words(3)}), "a zip archive of glove.txt", "unpack"),
                            (tar.getvalue(), "a tar archive", "tar -xf"), (bz2.compress(words(3)), "bunzip2"),
                            (b'{"a": [1, 2]}', "JSON"), (b"", "empty"), (b"GGUF\3\0\0\0", "GGUF")):
            self.refuses(self.write("v.vec.gz", gzip.compress(data)), *says)
        self.refuses(self.write("v.tar", tar.getvalue()), "a tar archive", "tar -xf")

    def test_places_are_those_of_what_is_in_it(self):
        self.refuses(self.write("v.vec.gz", gzip.compress(words(3) + b"x 1\n")), "v.vec.gz:4: ")
        self.refuses(self.write("e.npy.gz", gzip.compress(npy(range(6), (2, 3))[:-1])), "e.npy.gz: ")
        line = self.refuses(self.write("m.safetensors.gz", gzip.compress(struct.pack("<Q", 90) + b"{}")), "m.safetensors.gz")
        self.assertNotIn("/proc", line)

    def test_what_cannot_be_inflated_to_more_than_there_is_room_for(self):
        def small():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))

        self.write("v.vec.gz", gzip.compress(b"a" + b" 1" * 20_000_000))
        self.fails("convert", "v.vec.gz", "-o", "o", preexec_fn=small,
                   says=["v.vec.gz: inflates to more than 8.4 MB: ", "TMPDIR", "File too large"])
        self.fails("convert", "v.vec.gz", "-o", "o", env={"TMPDIR": "nowhere"}, says=["nowhere", "TMPDIR"])

    def test_takes_no_memory(self):
        self.write("e.npy.gz", gzip.compress(npy([0.0] * 16_000_000, (1_000_000, 16)), 1))
        process, peak = self.run_measured("convert", "e.npy.gz", "-o", "o")
        self.assertEqual(process.returncode, 0)
        self.assertLess(peak, 64_000_000 * (2 if support.is_sanitized() else 0.75))
