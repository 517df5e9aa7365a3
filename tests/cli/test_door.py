"""What inputs are told that are not as they should be: nothing is dropped and no number becomes a name in silence."""
import json
import os
import struct

import test_onnx as onnx
from checkpoints import Raw, archive, call, checkpoint, encoded, named, storage, tensor
from support import CommandTest, Safetensors, npy, npy_header, npy_raw, npz, safetensors
from test_word2vec import word2vec


class DoorTest(CommandTest):
    def warns(self, *args, says=()):
        """Runs convert, which must succeed with one line on standard error for each of `says`; the new file."""
        done = self.run_command("convert", *args, "-o", "out")
        lines = done.stderr.decode().splitlines()
        self.assertEqual((done.returncode, len(lines)), (0, len(says)), done.stderr)
        for line, parts in zip(lines, says):
            for part in [parts] if isinstance(parts, str) else parts:
                self.assertIn(part, line)
        return Safetensors(self.read("out"))

    def refuses(self, name, *says, options=()):
        return self.fails("convert", name, *options, "-o", "out", says=[name, *says])


class LeftOut(DoorTest):
    """Tensors that look like embeddings and are no tables are named with the reason, wherever they are."""

    def stored(self, kind, rows, bytes_each, dtype=None):
        count = rows * 4
        if dtype is None:
            return tensor(storage("x", count, kind), (rows, 4)), bytes(count * bytes_each)
        untyped = storage("x", count * bytes_each, "torch.storage.UntypedStorage")
        made = call("torch._utils._rebuild_tensor_v3", untyped, 0, (rows, 4), (4, 1), False, None, named(dtype))
        return made, bytes(count * bytes_each)

    def test_types_of_checkpoints(self):
        fc = tensor(storage("0", 12), (3, 4))
        cases = [("Char", 1, None, "int8 5 x 4"), ("Byte", 1, None, "uint8 5 x 4"), ("Int", 4, None, "int32 5 x 4"),
                 ("Long", 8, None, "int64 5 x 4"), ("", 1, "torch.float8_e4m3fn", "float8_e4m3fn 5 x 4"),
                 ("", 1, "torch.float8_e5m2", "float8_e5m2 5 x 4"), ("", 2, "torch.uint16", "uint16 5 x 4")]
        for kind, size, dtype, says in cases:
            with self.subTest(says):
                odd, data = self.stored(kind, 5, size, dtype)
                self.write("m.pt", checkpoint({"emb": odd, "fc": fc}, {"x": data, "0": bytes(48)}))
                file = self.warns("m.pt", says=[["m.pt: left out: emb (" + says + "): "]])
                self.assertEqual(file.tables(), ["fc"])
                self.refuses("m.pt", "emb (" + says, "the tables are fc", options=["--table", "emb"])
                self.assertEqual(self.warns("m.pt", "--table", "fc").tables(), ["fc"])
                self.assertEqual(self.warns("m.pt", "--exclude", "emb").tables(), ["fc"])
                self.assertIn("left out: emb (" + says, self.passes("inspect", "m.pt"))
                self.write("m.pt", checkpoint({"emb": odd}, {"x": data}))
                self.refuses("m.pt", "no table in it", "emb (" + says)

    def test_what_does_not_look_like_one(self):
        bools = tensor(storage("x", 40, "Bool"), (10, 4))
        few = tensor(storage("x", 8, "Char"), (2, 4))
        vector = tensor(storage("x", 40, "Char"), (40,))
        deep = tensor(storage("x", 40, "Char"), (5, 2, 2, 2))
        fc = tensor(storage("0", 12), (3, 4))
        data = checkpoint({"a": bools, "b": few, "c": vector, "d": deep, "fc": fc}, {"x": bytes(40), "0": bytes(48)})
        self.assertEqual(self.warns(self.write("m.pt", data)).tables(), ["fc"])

    def test_stacks_and_quantized_tensors(self):
        stack = tensor(storage("0", 48), (3, 4, 4))
        codes = storage("q", 20, "QUInt8")
        hooks = call("collections.OrderedDict")
        scheme = (named("torch.per_tensor_affine"), 0.5, 1)
        whole = call("torch._utils._rebuild_qtensor", codes, 0, (5, 4), (4, 1), Raw(encoded(scheme)), False, hooks)
        fc = tensor(storage("0", 12), (3, 4))
        self.write("m.pt", checkpoint({"s": stack, "q": whole, "fc": fc}, {"0": bytes(192), "q": bytes(20)}))
        self.warns("m.pt", says=[["s (float32 3 x 4 x 4)", "all as one of 12 x 4"],
                                 ["q (quint8 5 x 4)", "dequantize()"]])

    def test_other_formats(self):
        f = ("F32", [3, 4], bytes(48))
        for dtype, size in (("F8_E4M3", 1), ("F8_E5M2", 1), ("I8", 1), ("U8", 1), ("I32", 4)):
            self.write("m.safetensors", safetensors({"f": f, "e": (dtype, [5, 4], bytes(20 * size))}))
            self.warns("m.safetensors", says=[[f"m.safetensors: left out: e ({dtype} 5 x 4): "]])
            self.assertIn(f"left out: e ({dtype} 5 x 4): ", self.passes("inspect", "m.safetensors"))
        for descr, size in (("<V1", 1), ("|i1", 1), ("<u4", 4), ("<i8", 8)):
            self.write("a.npz", npz({"f": npy([1] * 12, (3, 4)), "e": npy_raw(npy_header(descr, (5, 4)), bytes(20 * size))}))
            self.warns("a.npz", says=[[f"a.npz: left out: e ({descr[1:]} 5 x 4): "]])
        self.write("a.npz", npz({"f": npy([1] * 12, (3, 4)), "e": npy_raw(npy_header("<U1", (5, 4)), bytes(80))}))
        self.warns("a.npz")

    def test_scales_go_with_their_codes(self):
        for scale in ("emb.weight_scale", "emb.scale", "emb.weight_qscale", "emb.weight.scales", "emb.weight_qbias"):
            scales = {"emb.weight": ("I8", [6, 5], bytes(30)), scale: ("F32", [6, 1], bytes(24))}
            self.write("m.safetensors", safetensors(scales))
            self.refuses("m.safetensors", "no table in it", "emb.weight (I8 6 x 5)")
            self.assertEqual(self.warns("m.safetensors", "--table", scale).tables(), [scale])
        self.write("m.safetensors", safetensors({"emb.weight_scale": ("F32", [6, 1], bytes(24))}))
        self.assertEqual(self.warns("m.safetensors").tables(), ["emb.weight_scale"])

    def test_optimizer_state(self):
        t = tensor(storage("0", 12), (3, 4))
        value = {"model": {"emb": t, "state": {"emb": t}}, "optimizer": {"state": {0: {"exp_avg": t, "sum": t}}}}
        self.write("m.pt", checkpoint(value, {"0": bytes(48)}))
        file = self.warns("m.pt", says=["optimizer.state.0.exp_avg", "optimizer.state.0.sum"])
        self.assertEqual(sorted(file.tables()), ["model.emb", "model.state.emb"])
        self.assertEqual(self.warns("m.pt", "--table", "*exp_avg").tables(), ["optimizer.state.0.exp_avg"])
        self.write("o.pt", checkpoint({"state": {0: {"sum": t}}}, {"0": bytes(48)}))
        self.refuses("o.pt", "state.0.sum", "optimizer state; --table takes it")

    def test_many_are_counted(self):
        tensors = {f"e{i}": ("I8", [5, 4], bytes(20)) for i in range(15)}
        self.write("m.safetensors", safetensors({"f": ("F32", [3, 4], bytes(48)), **tensors}))
        self.warns("m.safetensors", says=["left out: e"] * 10 + ["5 more; rowpool inspect lists them all"])
        self.assertEqual(self.passes("inspect", "m.safetensors").count("left out: "), 15)


class Names(DoorTest):
    def test_one_name_in_two_inputs(self):
        os.mkdir(self.path("b"))
        self.write("e.npy", npy([1] * 3, (1, 3)))
        self.write("b/e.npy", npy([2] * 3, (1, 3)))
        line = self.fails("convert", "e.npy", "b/e.npy", "-o", "out", says="two tables would be called e")
        self.assertIn("--table 'e.npy:e=NAME' --table 'b/e.npy:e=OTHER'", line)
        options = ["--table", "e.npy:e=x", "--table", "b/e.npy:*=y", "--format", "f32"]
        file = self.warns("e.npy", "b/e.npy", *options)
        self.assertEqual([file.rows_f32(name)[0][0] for name in ("x", "y")], [1, 2])
        self.fails("convert", "e.npy", "b/e.npy", "--table", "c/e.npy:e", "-o", "out", says="no input has a table")

    def test_of_members(self):
        for name in ("a.npz", "b.npz"):
            self.write(name, npz({"e": npy([1] * 3, (1, 3))}))
        file = self.warns("a.npz", "b.npz", "--table", "a.npz:e", "--table", "b.npz:e=f")
        self.assertEqual(sorted(file.tables()), ["e", "f"])

    def test_equal_signs(self):
        tensors = {name: ("F32", [1, 3], bytes(12)) for name in ("a=b", "a", "x = y = z")}
        self.write("m.safetensors", safetensors(tensors))
        for option, name in (("a=b", "a=b"), ("a=b=c", "c"), ("x = y = z", "x = y = z"), ("x = y = z=n", "n"),
                             ("a=c", "c"), ("x*=n", "n")):
            self.assertEqual(self.warns("m.safetensors", "--table", option).tables(), [name], option)

    def test_one_that_no_file_can_hold(self):
        t = tensor(storage("0", 6), (2, 3))
        self.write("m.pt", checkpoint({"a": t, b"x\ny": t, "": t}, {"0": bytes(24)}))
        file = self.warns("m.pt", says=[["left out: x\\x0ay", "no name for a table file"]])
        self.assertEqual(sorted(file.tables()), ["a", "m"])
        self.assertIn("renamed", self.warns("m.pt", "--table", "x*=renamed").tables())


class Text(DoorTest):
    def names(self, file, table="v"):
        return file.tensor(file.record(table)["names"]).decode().split("\n")

    def reads(self, text, rows, names, *options):
        self.write("v.txt", text)
        file = self.warns("v.txt", "--format", "f32", *options)
        self.assertEqual(file.rows_f32("v"), rows)
        self.assertEqual(self.names(file) if names else file.record("v").get("names"), names)

    def test_numbers_only(self):
        for text in ("1.5 2 3\n4 5 6\n", "1e-3\t2\n3\t4\n", " 1 2 3\n -4 5 6\n", "7 8\n", "1 2 3\n" * 50):
            self.write("v.txt", text)
            self.refuses("v.txt", "all lines are of numbers only", "--names-column yes", "--names-column no")
        self.reads("1.5 2 3\n4 5 6\n", [[2, 3], [5, 6]], ["1.5", "4"], "--names-column", "yes")
        self.reads("1.5 2 3\n4 5 6\n", [[1.5, 2, 3], [4, 5, 6]], None, "--names-column", "no")
        self.reads(" 1 2\n 4 5\n", [[1, 2], [4, 5]], None, "--names-column", "no")
        self.reads("2 3\n1 2 3\n4 5 6\n", [[1, 2, 3], [4, 5, 6]], None, "--names-column", "no")
        self.reads("a 1 2\n4 5 6\n", [[1, 2], [5, 6]], ["a", "4"])
        self.reads("2 2\n0 1 2\n1 5 6\n", [[1, 2], [5, 6]], ["0", "1"])
        self.write("v.txt", "1 2\na 3\n")
        self.refuses("v.txt", ":2: 'a' is no number", options=["--names-column", "no", "--format", "f32"])
        self.assertEqual(self.run_command("convert", "v.txt", "--names-column", "maybe", "-o", "x").returncode, 2)

    def test_headers_that_contradict_their_rows(self):
        for text, says in (("2 2\nthe 0.1 0.2 0.3 0.4\na 0.5 0.6 0.7 0.8\n", ":2: more than 2 numbers"),
                           ("2 2\nthe 1 2 3\na 4 5 6\n", ":1: the header says 2 numbers a row, but each has more"),
                           ("2 3\nthe 1 2\na 1 2\n", ":1: the header says 3 numbers a row, but line 2 has a name and 2"),
                           ("2 5\nthe 1 2 3\na 1 2 4\n", ":1: the header says 5 numbers a row"),
                           ("2 7\nthe 1\na 2\n", ":1: a header of 2 rows of 7 numbers, but rows of 1")):
            self.write("v.txt", text)
            self.refuses("v.txt", says)
        self.reads("2 1\nto 3 1\nof 5 2\n", [[1], [2]], ["to 3", "of 5"], "--names-column", "yes")

    def test_first_names_of_several_words(self):
        self.reads(". . . 1 2 3\nthe 4 5 6\n", [[1, 2, 3], [4, 5, 6]], [". . .", "the"])
        self.reads("New York\t0.5\t1\nSan Jose\t2\t3\n", [[0.5, 1], [2, 3]], ["New York", "San Jose"])
        self.write("v.txt", "the 1 2\n$ 5 3 4\n")
        self.refuses("v.txt", ':2: more than 2 numbers; if the last word of a name is a number, a first line "rows')

    def test_blank_ends(self):
        for end in ("\n", "\n\n", "\n \n\t\r\n", "\r\n\r\n"):
            self.reads("a 1 2\nb 3 4" + end, [[1, 2], [3, 4]], ["a", "b"])
        self.reads("2 2\na 1 2\nb 3 4\n\n", [[1, 2], [3, 4]], ["a", "b"])
        self.write("v.txt", "\n \n")
        self.refuses("v.txt", "empty")

    def test_empty_and_blank_tokens(self):
        self.reads("3 2\nthe 1 2\n 3 4\nking 5 6\n", [[1, 2], [3, 4], [5, 6]], ["the", "", "king"])
        self.reads("2 2\n  3 4\nking 5 6\n", [[3, 4], [5, 6]], [" ", "king"])

    def test_bad_lines_are_skipped_when_told(self):
        text = "a 1 2\nb 3\nc x 4\n\nd 5 6 7\ne 8 9\n"
        self.write("v.txt", text)
        self.refuses("v.txt", ":2: a name and 1 numbers, expected 2")
        file = self.warns("v.txt", "--on-bad-line", "skip", "--format", "f32", says=[
            ["v.txt: skipped 4 bad lines: 2 (a name and 1 numbers, expected 2), 3 ('x' is no number", "4 (an empty line)",
             ", ..."]])
        self.assertEqual((file.rows_f32("v"), self.names(file)), ([[1, 2], [8, 9]], ["a", "e"]))
        self.write("v.txt", "4 2\n" + "a 1 2\nb 3\nc 5 6\nd 7 8\n")
        self.warns("v.txt", "--on-bad-line", "skip", says=["skipped 1 bad line: 3 ("])
        self.write("v.txt", "5 2\n" + "a 1 2\nb 3\nc 5 6\nd 7 8\n")
        self.refuses("v.txt", "says 5 rows, but 3 follow", options=["--on-bad-line", "skip"])
        self.write("v.txt", "2 2\n" + "0 1 2\n1 3 4\n" * 2)
        self.refuses("v.txt", "says 2 rows, but 4 follow", "--on-bad-line skip")
        file = self.warns("v.txt", "--on-bad-line", "skip", says=["skipped 2 bad lines: 4 (beyond the 2 rows"])
        self.assertEqual(self.names(file), ["0", "1"])

    def test_skipping_among_many_rows(self):
        lines = [f"w{i} {i} {i / 8}" if i % 7 else f"bad{i} x" for i in range(1, 30000)]
        self.write("v.txt", "\n".join(lines))
        file = self.warns("v.txt", "--on-bad-line", "skip", "--format", "f32", says=["skipped 4285 bad lines: 7 ("])
        self.assertEqual(file.rows_f32("v"), [[float(i), i / 8] for i in range(1, 30000) if i % 7])


    def test_other_commands_have_the_options(self):
        self.write("v.txt", "1 2 3\n4 5 6\n")
        self.passes("convert", "v.txt", "--names-column", "no", "--format", "f32", "-o", "out")
        self.assertIn("would make 1 table", self.passes("inspect", "v.txt", "--names-column", "no"))
        self.passes("diff", "v.txt", "out", "--names-column", "no")
        self.passes("verify", "out", "--against", "v.txt", "--names-column", "no")
        for command in (["diff", "v.txt", "out"], ["verify", "out", "--against", "v.txt"], ["inspect", "v.txt"]):
            self.fails(*command, says=["v.txt: all lines are of numbers only", "--names-column no"])


class SpacedNames(DoorTest):
    def test_refused_where_they_can_be_told(self):
        values = [0.37, -0.61, 0.83, -0.29, 0.71]
        for at in range(4):
            for spaced in (b"New York", b"San Francisco Bay", b"Los Angeles"):
                for end in (b"", b"\n"):
                    rows = [(name, values) for name in (b"the", b"of", b"and", b"king")]
                    rows[at] = (spaced, values)
                    self.write("v.bin", word2vec(rows, end=end))
                    self.refuses("v.bin", f"row {at} at byte", "its name seems to be '" + spaced.decode() + "'")

    def test_an_empty_name_is_one(self):
        self.write("v.bin", word2vec([(b"a", [1.0, 2.0]), (b"", [3.0, 4.0])], end=b""))
        file = self.warns("v.bin", "--format", "f32")
        self.assertEqual(file.rows_f32("v"), [[1, 2], [3, 4]])


class OtherFiles(DoorTest):
    """Files of other kinds are told what they are and what to do."""

    def test_by_their_first_bytes(self):
        lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
        for name, data, says in (("v.txt.gz", b"\x1f\x8b\x08\0\0\0", "gunzip"), ("v", b"BZh91AY&SY\0", "bunzip2"),
                                 ("v.vec.xz", b"\xfd7zXZ\0", "unxz"), ("v.zst", b"\x28\xb5\x2f\xfd\0", "unzstd"),
                                 ("m.gguf", b"GGUF\3\0\0\0", "GGUF"), ("k.h5", b"\x89HDF\r\n\x1a\n\0", "HDF5"),
                                 ("model.safetensors", lfs, "git lfs pull"), ("pytorch_model.bin", lfs, "git lfs pull"),
                                 ("e.npy", lfs, "git lfs pull"), ("m.onnx", lfs, "git lfs pull"),
                                 ("t.parquet", b"PAR1\x15\0", "Parquet"), ("x.vec", "<!DOCTYPE html>\n", "web page"),
                                 ("e.jsonl", '{"id": 1, "vector": [0.1, 0.2]}\n', "JSON"), ("e.json", "[[1, 2]]", "JSON"),
                                 ("e2.json", ' {\n "a": [1, 2]}', "JSON"), ("l.onnx", "../../blobs/12ab", "symbolic link"),
                                 ("g.kv", b"\x80\x04\x95\0\x8c\x1agensim.models.keyedvectors", "save_word2vec_format")):
            with self.subTest(name):
                self.write(name, data)
                self.refuses(name, says)
                self.fails("pool", name, "t", "--indices", "i.npy", "-o", "out", says=[name, says])

    def test_words_that_look_like_those(self):
        for word in ("GGUF", "PAR1", "BZh", "{", "[", "../x"):
            self.write("v.vec", f"{word} 1 2 3\nx 1 2 3\n")
            self.assertEqual(self.warns("v.vec").tables(), ["v"])

    def test_safetensors_whose_length_looks_like_those(self):
        for length in (0x088B1F, 0x7B):  # gzip's first bytes, a brace
            header = b'{"weight_map":{"dtype":"F32","shape":[1,3],"data_offsets":[0,12]}}'.ljust(length)
            self.write("m.safetensors", struct.pack("<Q", length) + header + bytes(12))
            self.assertEqual(self.warns("m.safetensors").tables(), ["weight_map"])

    def test_zip_of_text(self):
        self.write("g.zip", archive({"glove.50d.txt": b"the 1 2\n"}))
        self.refuses("g.zip", "a zip archive of glove.50d.txt", "unpack")

    def test_every_command_says_convert(self):
        self.write("e.npy", npy([1, 2], (1, 2)))
        self.write("v.vec", "a 1 2\n")
        for name in ("e.npy", "v.vec"):
            for command in (["pool", name, "e", "--indices", "i.npy", "-o", "o"], ["export", name, "e", "-o", "o"],
                            ["nearest", name, "e", "a"], ["verify", name], ["inspect", name, "--rows", "e"],
                            ["bench", name], ["tune", name, "-o", "o"]):
                self.fails(*command, says=[name, f"rowpool convert {name} -o"])

    def test_tensors_that_are_no_plain_data(self):
        wrapper = encoded(named("torch._utils._rebuild_wrapper_subclass"))
        for module, says in (("torch.distributed.tensor.DTensor", "full_tensor()"),
                             ("torch.distributed._shard.sharded_tensor.api.ShardedTensor", "gather"),
                             ("torchao.quantization.AffineQuantizedTensor", "dequantize()"), ("my.Own", "plain")):
            self.write("m.pt", checkpoint(b"\x80\x02" + wrapper + encoded(named(module)) + b"."))
            self.refuses("m.pt", "which is not data", says)
        for name in ("numpy._core.multiarray._reconstruct", "numpy.core.multiarray._reconstruct"):
            self.write("m.pt", checkpoint({"e": named(name)}))
            self.refuses("m.pt", "torch.from_numpy")

    def test_what_weights_only_loads(self):
        t = tensor(storage("0", 6), (2, 3))
        device = "torch._utils._rebuild_device_tensor_from_cpu_tensor"
        value = {"e": call(device, t, named("torch.float32"), "xla:0", False), "d": named("torch.int7")}
        self.write("m.pt", checkpoint(value, {"0": bytes(24)}))
        self.assertEqual(self.warns("m.pt").tables(), ["e"])

    def test_npy_headers_of_others(self):
        data = struct.pack("<6f", *range(6))
        for header in ("{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }",
                       "{'descr': 'f4', 'fortran_order': False, 'shape': (2, 3)}"):
            self.write("m.npy", npy_raw(header, data))
            self.assertEqual(self.table_as_f32("m.npy"), [[0, 1, 2], [3, 4, 5]])
        self.refuses(self.write("m.npy", npy_raw("{'descr': '<f4', 'fortran_order': False, 'shape': (2LL, 3)}", data)))
        self.write("m.npy", npy_raw(npy_header("<V2", (2, 3)), b"".join(data[i + 2 : i + 4] for i in range(0, 24, 4))))
        self.assertEqual(self.table_as_f32("m.npy"), [[0, 1, 2], [3, 4, 5]])

    def test_unsigned_indices(self):
        self.convert(self.write("e.npy", npy([1, 2, 3], (1, 3))))
        for descr, size in (("<u4", 4), ("<u8", 8), ("<i2", 2)):
            self.write("i.npy", npy_raw(npy_header(descr, (1,)), bytes(size)))
            self.fails("pool", "out.safetensors", "e", "--indices", "i.npy", "--mode", "none", "-o", "o",
                       says=["i.npy", ".astype('int64')"])


class ShardedCheckpoints(DoorTest):
    def setUp(self):
        super().setUp()
        t = tensor(storage("0", 6), (2, 3))
        for i in (1, 2):
            self.write(f"{i}.bin", checkpoint({f"t{i}": t, f"b{i}": tensor(storage("0", 6), (6,))}, {"0": bytes(24)}))

    def index(self, name, **weight_map):
        return self.write(name, json.dumps({"metadata": {}, "weight_map": weight_map}))

    def test_any_name(self):
        for name in ("pytorch_model.bin.index.json", "m.bin.index.fp16.json", "index.json"):
            self.index(name, t1="1.bin", t2="2.bin", b1="1.bin")
            self.assertEqual(sorted(self.warns(name).tables()), ["t1", "t2"])

    def test_refusals(self):
        name = "m.bin.index.json"
        self.index(name, t1="1.bin", t2="3.bin")
        self.refuses_index(name, "3.bin")
        self.index(name, t1="1.bin", b2="2.bin")
        self.refuses_index(name, "tensor t2 is in 2.bin, where the index does not have it")
        self.write("2.bin", npz({"a": npy([1], (1, 1))}))
        self.index(name, t1="1.bin", t2="2.bin")
        self.refuses_index(name, "2.bin: no checkpoint")

    def refuses_index(self, name, *says):
        self.fails("convert", name, "-o", "out", says=says)


class Inspect(DoorTest):
    def test_any_input(self):
        self.write("e.npy", npy([1, 2], (1, 2)))
        self.write("v.vec", "a 1 2\n")
        self.write("m.pt", checkpoint({"e": tensor(storage("0", 6), (2, 3)), "o": tensor(storage("1", 20, "Char"), (5, 4))},
                                      {"0": bytes(24), "1": bytes(20)}))
        self.assertIn("e.npy: 136 bytes, no table file; rowpool convert would make 1 table", self.passes("inspect", "e.npy"))
        self.assertRegex(self.passes("inspect", "v.vec"), r"\nv +1 +2 +f32 +8 +yes\n")
        self.assertIn("left out: o (int8 5 x 4): ", self.passes("inspect", "m.pt"))
        listing = json.loads(self.passes("inspect", "m.pt", "--json"))
        self.assertEqual(listing["tables"], [{"name": "e", "rows": 2, "dim": 3, "format": "f32", "bytes": 24,
                                              "has_row_names": False, "source": "m.pt:e"}])
        self.assertEqual((listing["is_table_file"], listing["left_out"][0]["kind"]), (False, "int8 5 x 4"))

    def test_of_nothing_but_what_is_left_out(self):
        self.write("m.pt", checkpoint({"o": tensor(storage("1", 20, "Char"), (5, 4))}, {"1": bytes(20)}))
        self.assertIn("would make 0 tables", self.passes("inspect", "m.pt"))
        self.write("d.safetensors", safetensors({"d": ("F64", [1, 1], bytes(8)), "f": ("F32", [1, 1], bytes(4))}))
        self.assertIn("a table for rowpool convert alone: d\n", self.passes("inspect", "d.safetensors"))


class NarrowTables(DoorTest):
    def test_int8_is_no_default_where_it_is_larger(self):
        for dim, dtype, form in ((1, "f4", "F32"), (2, "f4", "F32"), (3, "f4", "U8"), (7, "f2", "F16"), (8, "f2", "U8")):
            self.write("e.npy", npy([1.0] * dim, (1, dim), dtype))
            done = self.passes("convert", "e.npy", "-o", "out")
            self.assertEqual(Safetensors(self.read("out")).header["e"]["dtype"], form, dim)
            self.assertEqual("int8 would be larger" in done, form != "U8")
        self.write("e.npy", npy([1.0], (1, 1)))
        self.assertIn("larger than its f32 rows of 4 bytes", self.passes("convert", "e.npy", "--format", "int8", "-o", "out"))


class Onnx(DoorTest):
    def test_left_out(self):
        small = onnx.tensor("fc", onnx.raw())
        for kind, says in ((2, "UINT8"), (3, "INT8"), (17, "FLOAT8E4M3FN"), (7, "INT64"), (99, "element type 99")):
            odd = onnx.tensor("emb_q", onnx.chunk(9, bytes(20)), dims=(5, 4), kind=kind)
            self.write("m.onnx", onnx.model(odd, small))
            self.warns("m.onnx", says=[[f"m.onnx: left out: emb_q ({says} 5 x 4): "]])
        self.write("m.onnx", onnx.model(onnx.tensor("s", onnx.raw(range(40)), dims=(2, 5, 4)), small))
        self.warns("m.onnx", says=[["s (FLOAT 2 x 5 x 4)", "as one of 10 x 4"]])

    def test_links_into_one_folder(self):
        """As in the cache of Hugging Face's hub: a model and its data are links to files that lie beside each other."""
        os.makedirs(self.path("blobs"))
        os.makedirs(self.path("snapshots/abc"))
        held = onnx.external(location="m.onnx_data", offset=0, length=24)
        self.write("blobs/1", onnx.model(onnx.tensor("e", held)))
        self.write("blobs/2", struct.pack("<6f", *range(6)))
        self.write("elsewhere", struct.pack("<6f", *range(6)))
        os.symlink("../../blobs/1", self.path("snapshots/abc/m.onnx"))
        os.symlink("../../blobs/2", self.path("snapshots/abc/m.onnx_data"))
        file = self.warns("snapshots/abc/m.onnx", "--format", "f32")
        self.assertEqual(file.rows_f32("e"), [[0, 1, 2], [3, 4, 5]])
        os.remove(self.path("snapshots/abc/m.onnx_data"))
        os.symlink("../../elsewhere", self.path("snapshots/abc/m.onnx_data"))
        self.refuses("snapshots/abc/m.onnx", "a symbolic link leads out")


class FirstRows(DoorTest):
    def names(self, file, table):
        return file.tensor(file.record(table)["names"]).decode().split("\n")

    def test_limit(self):
        self.write("v.vec", "".join(f"w{i} {i} 2 3\n" for i in range(9)))
        self.write("e.npy", npy([1, 2, 3, 4, 5, 6], (2, 3)))
        for limit in (1, 3, 9, 10**18):
            file = self.warns("v.vec", "e.npy", "--limit", str(limit), "--format", "f32")
            rows = min(limit, 9)
            self.assertEqual(file.rows_f32("v"), [[float(i), 2.0, 3.0] for i in range(rows)])
            self.assertEqual(self.names(file, "v"), [f"w{i}" for i in range(rows)])
            self.assertEqual(len(file.rows_f32("e")), min(limit, 2))
            self.assertIn("all checksums match", self.passes("verify", "out"))
        for bad in ("0", "-1", "x", "1.5"):
            self.assertEqual(self.run_command("convert", "v.vec", "--limit", bad, "-o", "o").returncode, 2)

    def test_limit_and_padding(self):
        self.write("e.npy", npy([float(i) for i in range(12)], (4, 3)))
        self.passes("convert", "e.npy", "--padding-idx", "e=3", "-o", "p")
        self.passes("convert", "p", "--limit", "2", "-o", "q")
        self.assertIsNone(json.loads(self.passes("inspect", "q", "--json"))["tables"][0]["padding_index"])
        self.write("k.npy", npy([0, 2], (2,), "i8"))
        self.passes("convert", "e.npy", "--keep", "k.npy", "-o", "p")
        self.fails("convert", "p", "--limit", "1", "-o", "q", says=["p: table e", "order of ids", "--keep"])

    def test_names(self):
        self.write("e.npy", npy([float(i) for i in range(9)], (3, 3)))
        for name, text in (("vocab.txt", "a\nb c\n\n"), ("vocab", "a\r\nb c\r\n\r\n"), ("v.tsv", "a\nb c\n\n"),
                           ("m.tsv", "word\tcount\na\t1\nb c\t2\n\t3\n")):
            self.write(name, text)
            self.assertEqual(self.names(self.warns("e.npy", "--names", name), "e"), ["a", "b c", ""])
        file = self.warns("e.npy", "--names", "vocab.txt", "--limit", "2")
        self.assertEqual(self.names(file, "e"), ["a", "b c"])

    def test_names_that_are_refused(self):
        self.write("e.npy", npy([float(i) for i in range(9)], (3, 3)))
        self.write("f.npy", npy([float(i) for i in range(9)], (3, 3)))
        for text, says in (("a\nb\n", "2 names for 3 rows"), ("a\nb\nc\nd", "4 names for 3 rows"), ("", "0 names"),
                           ("a\nb\0\nc\n", "NUL"), ('{"a": 0}', "JSON")):
            self.write("names", text)
            self.fails("convert", "e.npy", "--names", "names", "-o", "out", says=["names: ", says])
        self.write("names", "a\nb\nc\n")
        self.fails("convert", "e.npy", "f.npy", "--names", "names", "-o", "out", says=["one table", "e, f"])
        self.assertEqual(self.names(self.warns("e.npy", "f.npy", "--table", "f", "--names", "names"), "f"), ["a", "b", "c"])
        self.fails("convert", "e.npy", "--names", "missing", "-o", "out", says="missing")
