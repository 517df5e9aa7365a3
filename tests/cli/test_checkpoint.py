"""PyTorch checkpoints: which tensors become which tables, and what hostile files are told."""
import json
import os
import pathlib
import pickle
import signal
import struct
import subprocess
import zipfile

import support
from checkpoints import Raw, archive, call, checkpoint, encoded, named, storage, tensor
from support import CommandTest, Safetensors, f16, flat, int8_row

SIX = struct.pack("<6f", 1, 2, 3, 4, 5, 6)


class CheckpointTest(CommandTest):
    def tables(self, data, *options):
        """{name: rows} of a checkpoint that is converted to f32."""
        self.write("m.pt", data)
        self.passes("convert", "m.pt", "--format", "f32", *options, "-o", "out")
        file = Safetensors(self.read("out"))
        return {name: file.rows_f32(name) for name in file.tables()}

    def refuses(self, data, *says):
        self.write("m.pt", data)
        return self.fails("convert", "m.pt", "-o", "out", says=["m.pt", *says])


class Reads(CheckpointTest):
    def test_paths_of_nested_containers(self):
        table = tensor(storage("0", 6), (3, 2))
        value = {"model": {"emb.weight": table, "bias": tensor(storage("0", 6), (6,))}, "lr": 0.1, "steps": 2**40,
                 "opt": {"state": {0: {"avg": table}, -1: [None, (True, table)]}, "name": "adam"}, (1, 2): table}
        names = list(self.tables(checkpoint(value, {"0": SIX})))
        self.assertEqual(names, ["model.emb.weight", "opt.state.0.avg", "opt.state.-1.1.1", "[4]"])

    def test_a_tensor_alone(self):
        self.write("m.pt", checkpoint(tensor(storage("0", 6), (3, 2)), {"0": SIX}))
        self.passes("convert", "m.pt", "-o", "out")
        self.assertEqual(Safetensors(self.read("out")).tables(), ["m"])
        self.passes("convert", "m.pt", "--table", "m=weight", "-o", "out")

    def test_views(self):
        stored = storage("0", 6)
        views = {"plain": tensor(stored, (3, 2)), "transposed": tensor(stored, (2, 3), (1, 2)),
                 "rows": tensor(stored, (2, 2), (4, 1)), "column": tensor(stored, (3, 1), (2, 7), 1),
                 "expanded": tensor(stored, (2, 3), (0, 1), 3), "one": tensor(stored, (2, 2), (0, 0), 5),
                 "overlapping": tensor(stored, (5, 2), (1, 1)), "single": tensor(stored, (1, 2), (10**18, 1), 4)}
        rows = {"plain": [[1, 2], [3, 4], [5, 6]], "transposed": [[1, 3, 5], [2, 4, 6]], "rows": [[1, 2], [5, 6]],
                "column": [[2], [4], [6]], "expanded": [[4, 5, 6], [4, 5, 6]], "one": [[6, 6], [6, 6]],
                "overlapping": [[1, 2], [2, 3], [3, 4], [4, 5], [5, 6]], "single": [[5, 6]]}
        self.assertEqual(self.tables(checkpoint(views, {"0": SIX})), rows)
        self.assertEqual(self.convert("m.pt").tensor("overlapping"), b"".join(map(int8_row, rows["overlapping"])))

    def test_element_types(self):
        values = [1.5, -2.25, 3.0, 4096.0]
        data = {"h": struct.pack("<4e", *values), "d": struct.pack("<4d", *values), "u": struct.pack("<4f", *values),
                "b": b"".join(struct.pack("<f", value)[2:] for value in values)}
        kinds = {"h": "Half", "d": "Double", "b": "BFloat16"}
        value = {key: tensor(storage(key, 4, kind), (2, 2)) for key, kind in kinds.items()}
        untyped = storage("u", 16, "torch.storage.UntypedStorage")
        value["u"] = call("torch._utils._rebuild_tensor_v3", untyped, 0, (2, 2), (2, 1), False, None,
                          named("torch.float32"))
        self.assertEqual(set(map(str, self.tables(checkpoint(value, data)).values())), {str([values[:2], values[2:]])})

    def test_parameters(self):
        inner = tensor(storage("0", 6), (3, 2))
        value = {"a": call("torch._utils._rebuild_parameter", inner, True, None),
                 "b": call("torch._utils._rebuild_parameter_with_state", inner, True, None, {}),
                 "c": Raw(call("collections.OrderedDict") + encoded({"_metadata": 1}) + b"b")}
        self.assertEqual(list(self.tables(checkpoint(value, {"0": SIX}))), ["a", "b"])

    def test_tensors_with_attributes(self):
        stored = storage("0", 6)
        rebuild = named("torch._utils._rebuild_tensor_v2")
        value = {"t": call("torch._tensor._rebuild_from_type_v2", rebuild, named("torch.Tensor"),
                           (stored, 0, (3, 2), (2, 1), False, None), {"note": "x"})}
        self.assertEqual(self.tables(checkpoint(value, {"0": SIX})), {"t": [[1, 2], [3, 4], [5, 6]]})
        nested = call("torch._tensor._rebuild_from_type_v2", named("torch._tensor._rebuild_from_type_v2"), None, (), {})
        self.refuses(checkpoint({"t": nested}), "makes no tensor")
        nothing = call("torch._tensor._rebuild_from_type_v2", named("torch.float32"), None, (), {})
        self.refuses(checkpoint({"t": nothing}), "makes no tensor")

    def test_tensors_of_negatives_are_passed_over(self):
        arguments = (storage("0", 6), 0, (3, 2), (2, 1), False, None)
        value = {"t": tensor(storage("0", 6), (3, 2)), "plain": call("torch._utils._rebuild_tensor_v2", *arguments, {}),
                 "negative": call("torch._utils._rebuild_tensor_v2", *arguments, {"neg": True}),
                 "typed": call("torch._utils._rebuild_tensor_v3", *arguments, named("torch.float32"), {"neg": True})}
        self.assertEqual(list(self.tables(checkpoint(value, {"0": SIX}))), ["t", "plain"])

    def test_what_is_no_table_is_passed_over(self):
        value = {"t": tensor(storage("0", 6), (3, 2)), "ids": tensor(storage("1", 4, "Long"), (2, 2)),
                 "wide": tensor(storage("0", 6), (1, 70000), (1, 0)), "empty": tensor(storage("0", 6), (6, 0)),
                 "bytes": tensor(storage("2", 6, "Byte"), (3, 2)), "device": call("torch.device", "cpu"),
                 "size": call("torch.Size", (1, 2)), "dtype": named("torch.float16"), "set": call("builtins.set", [1]),
                 "sparse": call("torch._utils._rebuild_sparse_tensor", None, ())}
        data = {"0": SIX, "1": bytes(32), "2": bytes(6)}
        self.assertEqual(list(self.tables(checkpoint(value, data))), ["t"])

    def test_newer_protocols(self):
        stored = storage("0", 6)
        for protocol in (2, 3, 4, 5):
            plain = pickle.dumps({"a": [1, "x", b"y", 2.5, {3}, 2**70, -1, 300, None]}, protocol)
            table = {"t": tensor(stored, (3, 2)), "more": Raw(plain[2:-1])}
            self.assertEqual(list(self.tables(checkpoint(table, {"0": SIX}))), ["t"])
        short = Raw(b"\x8c\x0ctorch._utils\x8c\x12_rebuild_tensor_v2\x93")
        value = {"t": Raw(short + encoded((stored, 0, (3, 2), (2, 1), False, None)) + b"R")}
        self.assertEqual(list(self.tables(checkpoint(value, {"0": SIX}))), ["t"])

    def test_shared_containers_are_searched_once(self):
        value = b"]q\0(h\0" + encoded(tensor(storage("0", 6), (3, 2))) + b"e"  # holds itself
        self.assertEqual(list(self.tables(checkpoint({"a": Raw(value)}, {"0": SIX}))), ["a.1"])
        twice = b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(50))  # 2^50 paths
        doubled = encoded(tensor(storage("0", 6), (3, 2))) + twice
        self.assertEqual(list(self.tables(checkpoint({"a": Raw(doubled)}, {"0": SIX}))),
                         ["a" + ".0" * 50, "a" + ".0" * 49 + ".1"])

    def test_no_rows(self):
        self.assertEqual(self.tables(checkpoint({"t": tensor(storage("0", 0), (0, 4))}, {"0": b""})), {"t": []})

    def test_deflated_members(self):
        data = checkpoint({"t": tensor(storage("0", 6), (3, 2))}, {"0": SIX}, zipfile.ZIP_DEFLATED)
        self.assertEqual(self.tables(data)["t"], [[1, 2], [3, 4], [5, 6]])

    def test_a_deflated_storage_is_inflated_once(self):
        size = 4_000_000  # in an archive of 20 kB; inflated for each tensor it would be 40 GB
        value = [tensor(storage("0", size), (2, 1))] * 2500
        self.write("m.pt", checkpoint(value, {"0": bytes(4 * size)}, zipfile.ZIP_DEFLATED))
        self.passes("convert", "m.pt", "--format", "f32", "-o", "out")
        self.assertEqual(len(Safetensors(self.read("out")).tables()), 2500)

    def test_a_nan_names_its_row(self):
        data = {"0": struct.pack("<6f", 1, 2, 3, 4, 5, float("nan"))}
        self.refuses(checkpoint({"t": tensor(storage("0", 6), (2, 3))}, data), "table t", "row 1", "NaN")

    def test_f64_that_does_not_fit(self):
        data = {"0": struct.pack("<2d", 1, 1e300)}
        self.refuses(checkpoint({"t": tensor(storage("0", 2, "Double"), (1, 2))}, data), "row 0, column 1: 1e+300")


class SavedByPyTorch(CheckpointTest):
    def test_every_table_is_as_pytorch_has_it(self):
        folder = pathlib.Path(__file__).parents[1] / "fixtures"
        known = json.loads((folder / "checkpoint.json").read_text())["tables"]
        tables = self.tables((folder / "checkpoint.pt").read_bytes())
        self.assertEqual(set(tables), set(known))
        for name, table in known.items():
            rows, dim = table["shape"]
            values = struct.unpack(f"<{rows * dim}f", bytes.fromhex(table["values"]))
            if not name.startswith("quantized."):
                self.assertEqual(flat(tables[name]), list(values), name)
            for found, wanted in zip(flat(tables[name]), values):  # lookups of PyTorch may fuse scale and bias
                self.assertAlmostEqual(found, wanted, places=5, msg=name)


class Quantized(CheckpointTest):
    def value(self, kind, count, shape, strides, zero_points="Float", axis=0, scales="Double", offset=0):
        parts = (named("torch.per_channel_affine"), tensor(storage("s", 2, scales), (2,)),
                 tensor(storage("z", 2, zero_points), (2,)), axis)
        return {"q": call("torch._utils._rebuild_qtensor", storage("c", count, kind), offset, shape, strides, parts,
                          False, None)}

    DATA = {"s": struct.pack("<2d", 0.1, 300), "z": struct.pack("<2f", -1.5, 4), "c": bytes(range(6))}

    def convert_it(self, value, *options, data=None):
        self.write("m.pt", checkpoint(value, data or self.DATA))
        self.passes("convert", "m.pt", *options, "-o", "out")
        return Safetensors(self.read("out"))

    def test_quint8_rows_keep_their_codes(self):
        file = self.convert_it(self.value("QUInt8", 6, (2, 3), (3, 1)))
        qparams = struct.unpack("<f", struct.pack("<f", 0.1))[0]
        first = bytes([0, 1, 2]) + struct.pack("<ff", qparams, 1.5 * qparams)
        rows = first + bytes([3, 4, 5]) + struct.pack("<ff", 300, -1200)
        self.assertEqual(file.tensor("q"), rows)
        self.assertEqual(file.record("q")["format"], "int8")
        file = self.convert_it(self.value("QUInt8", 6, (2, 2), (1, 2), scales="Float", offset=1),
                               data={**self.DATA, "s": struct.pack("<2f", 1, 2)})
        rows = bytes([1, 3]) + struct.pack("<ff", 1, 1.5) + bytes([2, 4]) + struct.pack("<ff", 2, -8)
        self.assertEqual(file.tensor("q"), rows)

    def test_quint4x2_rows_keep_their_codes(self):
        file = self.convert_it(self.value("QUInt4x2", 6, (2, 6), (6, 1)))
        first = bytes([0, 1, 2]) + struct.pack("<ee", f16(0.1), f16(0.15))
        rows = first + bytes([3, 4, 5]) + struct.pack("<ee", 300, -1200)
        self.assertEqual(file.tensor("q"), rows)
        self.assertEqual(file.record("q")["format"], "int4")

    def test_other_schemes_are_passed_over(self):
        table = tensor(storage("c", 1), (1, 1))
        for value in (self.value("QUInt8", 6, (2, 2), (2, 1), axis=2), self.value("QUInt8", 6, (2, 3), (3, 1), axis=1),
                      self.value("QUInt4x2", 6, (2, 2), (2, 1), axis=1), self.value("QUInt4x2", 6, (2, 3), (3, 1)),
                      self.value("QUInt4x2", 6, (2, 4), (1, 2))):
            self.assertEqual(self.convert_it({**value, "t": table}).tables(), ["t"])

    def test_rows_that_cannot_be_held(self):
        huge, large = ({**self.DATA, "s": struct.pack("<2d", 1, scale)} for scale in (1e300, 1e5))
        bytes_, halves = self.value("QUInt8", 6, (2, 3), (3, 1)), self.value("QUInt4x2", 6, (2, 6), (6, 1))
        self.refuses(checkpoint(bytes_, huge), "table q, row 1", "not finite")
        self.refuses(checkpoint(halves, large), "table q, row 1", "infinite as f16")

    def test_bounds(self):
        self.refuses(checkpoint(self.value("QUInt4x2", 6, (2, 8), (8, 1)), self.DATA), "goes beyond the 6 bytes")
        self.refuses(checkpoint(self.value("QUInt8", 6, (2, 3), (4, 1)), self.DATA), "goes beyond the 6 bytes")


class Refuses(CheckpointTest):
    def refuses_pickle(self, body, *says):
        return self.refuses(checkpoint(b"\x80\x02" + body + b"."), "member m/data.pkl", *says)

    def refuses_tensor(self, shape, strides, *says, offset=0, count=6, data=SIX):
        value = {"t": tensor(storage("0", count), shape, strides, offset)}
        return self.refuses(checkpoint(value, {"0": data}), *says)

    def test_gadgets(self):
        class Gadget:
            def __init__(self, function, *arguments):
                self.reduced = function, arguments

            def __reduce__(self):
                return self.reduced

        canary = self.path("canary")
        gadgets = [(os.system, "touch " + canary, "posix.system"), (eval, f"open({canary!r}, 'w')", "builtins.eval"),
                   (exec, f"open({canary!r}, 'w')", "builtins.exec"), (getattr, "x", "builtins.getattr"),
                   (__import__, "os", "builtins.__import__"), (subprocess.Popen, "x", "Popen"),
                   (open, canary, "io.open")]
        for protocol in (2, 3, 4, 5):
            for function, argument, name in gadgets:
                data = checkpoint(pickle.dumps({"t": Gadget(function, argument)}, protocol))
                self.refuses(data, "byte ", "refers to ", f"{name}, which is not data")
        self.refuses(checkpoint({"t": call("os.system", "touch " + canary)}), "refers to os.system, which is not data")
        self.assertFalse(os.path.exists(canary))

    def test_names_close_to_known_ones(self):
        for name in ("torch.load", "torch._utils._import_dotted_name", "torch.storage._load_from_bytes", "torch.Float32",
                     "torch.jit.load", "collections.OrderedDict.__init__", "builtins.set.add", "numpy.load", ".", "x."):
            self.refuses(checkpoint({"t": named(name)}), "which is not data")
        line = self.refuses_pickle(b"cos\x1b[31m\nsystem\n", "os\\x1b[31m.system")
        self.assertNotIn("\x1b", line)

    def test_every_other_opcode(self):
        known = set(b"(.NJKMGXUTBC]})taeushjqrcRbQ\x80\x81\x93\x94\x95" + bytes(range(0x85, 0x92)))
        names = {0x69: "INST", 0x6F: "OBJ", 0x82: "EXT1", 0x92: "NEWOBJ_EX", 0x98: "READONLY_BUFFER", 0x49: "INT"}
        for opcode in set(range(256)) - known:
            says = f"byte 3: opcode 0x{opcode:02x} {names.get(opcode, '')}".rstrip()
            self.refuses_pickle(b"N" + bytes([opcode]), says)

    def test_memo_and_stack(self):
        for body, says in ((b"h\0", "memo"), (b"j\xff\xff\xff\xff", "memo"), (b"", "where there is none"),
                           (b"t", "a mark where there is none"), (b"(a", "where there is none"),
                           (b"NN", "left over"), (b"N(N", "left over"),
                           (b"NNs", "where there is none"), (b"NNNs", "needs a dict"), (b"NNa", "needs a list"),
                           (b"N(NNu", "needs a dict"), (b"}(Nu", "without a value"), (b"NNR", "needs a tuple"),
                           (b"N)R", "needs a function"), (b"NNb", "sets attributes"), (b"NN\x93", "needs a name"),
                           (b"ctorch\nfloat32\n)R", "calls torch.float32"), (b"N(N\x90", "needs a set"),
                           (b"\x80\x06N", "protocol 6")):
            self.refuses_pickle(body, says)

    def test_cut_short(self):
        whole = b"\x80\x02" + encoded({"t": tensor(storage("0", 6), (3, 2)), "b": Raw(b"C\3abc")}) + b"."
        for length in range(0, len(whole), 3):
            self.refuses(checkpoint(whole[:length], {"0": SIX}), "member m/data.pkl", "byte ")
        for body in (b"X\xff\xff\xff\xff", b"\x8d" + b"\xff" * 8, b"\x8b\xff\xff\xff\xff", b"cos"):
            self.refuses_pickle(body, "cut short")

    def test_nested_deeply(self):
        value = {"t": tensor(storage("0", 6), (3, 2))}
        for _ in range(70):
            value = [value]
        self.refuses(checkpoint(value, {"0": SIX}), "nested more than 64 deep")
        self.refuses(checkpoint({"a": Raw(b"]" * 1_000_000 + b"a" * 999_999)}), "nested more than 64 deep")

    def test_bombs(self):
        sizes = encoded(tuple(range(65)))
        self.refuses(checkpoint({"t": call("torch.Size", Raw(sizes))}), "64 dimensions")
        self.refuses(checkpoint({"t": tensor(storage("0", 6), (1,) * 65)}, {"0": SIX}), "64 dimensions")
        # A kilobyte that says it is a petabyte of table.
        self.refuses_tensor((2**40, 100), (0, 0), "tensor t", "repeats its 24 bytes many times over")
        # Two that say they are a gibibyte each.
        two = {name: tensor(storage("0", 6), (2**22, 64), (0, 0)) for name in "ab"}
        self.refuses(checkpoint(two, {"0": SIX}), "tensor b", "repeats its 24 bytes many times over")
        name = b"X" + struct.pack("<I", 1 << 20) + b"x" * (1 << 20) + b"q\1"
        table = encoded(tensor(storage("0", 6), (3, 2))) + b"q\2"
        value = Raw(b"}(" + name + Raw(b"](" + table + b"h\2" * 100 + b"e") + b"u")
        says = "names of its tensors take over 16777216 bytes"
        self.refuses(checkpoint(value, {"0": SIX}), says)
        nested = b"N"
        for _ in range(60):  # with that key for each of 60 dicts, and then for each of 100
            nested = b"}h\1" + nested + b"s"
        long = b"X" + struct.pack("<I", 2 << 20) + b"x" * (2 << 20) + b"q\1"
        self.refuses(checkpoint(Raw(b"}" + long + nested + b"s")), says)
        self.refuses(checkpoint(Raw(b"}(" + name + b"N" + b"h\1]Na" * 100 + b"u")), says)

    def test_bombs_take_little_memory(self):
        """Whatever grows for a few bytes each: values, containers, stack, memo, names of globals, sizes, tensors."""
        stored = storage("0", 6)
        arguments = encoded((stored, 0, (3, 2), (2, 1), False, None)) + b"q\2"
        bombs = [b"N", b"(", b"]", b"]Na", b"}NNs", b")\x94\x85", b"N\x85", b"N\x94", b"]h\0",
                 named("torch.Size"),
                 (named("torch.Size") + b"q\1" + encoded((1,) * 64) + b"\x85q\2", b"h\1h\2R"),
                 (named("torch._utils._rebuild_tensor_v2") + b"q\1" + arguments, b"h\1h\2R"),
                 (encoded(("storage", named("torch.FloatStorage"), "0", "cpu", 6)) + b"q\2", b"h\2Q")]
        for bomb in bombs:
            first, repeated = (b"", bomb) if isinstance(bomb, bytes) else bomb
            with self.subTest(repeated[:20]):
                data = b"\x80\x02Nq\0](" + first + repeated * (8_000_000 if repeated == b"(" else 4_000_000) + b"e."
                self.write("m.pt", checkpoint(data, {"0": SIX}, compression=zipfile.ZIP_DEFLATED))
                process, peak = self.run_measured("convert", "m.pt", "-o", "out")
                self.assertIn(b"its values take over 167772160 bytes of memory\n", process.communicate()[1])
                self.assertTrue(0 < peak < (600e6 if support.is_sanitized() else 200e6), peak)
        long = b"x" * (1 << 24)
        self.refuses_pickle(b"c" + long + b"\n" + long + b"\n", "refers to xxx")
        self.refuses_pickle(b"N" + b"r\x09\0\0\0", "memo key 9 is larger")
        self.refuses(checkpoint({"t": storage("x" * 70000, 6)}), "its key is longer")

    def test_interrupted(self):
        self.write("m.pt", checkpoint(b"\x80\x02" * 100_000_000 + b"N."))
        process = subprocess.Popen([support.ROWPOOL, "convert", "m.pt", "-o", "out"], cwd=self.folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not self.catches(process, signal.SIGINT):
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.communicate()[1], b"rowpool: interrupted\n")
        self.assertEqual(process.returncode, 1)

    @staticmethod
    def catches(process, number):
        with open(f"/proc/{process.pid}/status") as file:
            (caught,) = [int(line.split()[1], 16) for line in file if line.startswith("SigCgt")]
        return caught >> (number - 1) & 1

    def test_storages(self):
        value = {"t": tensor(storage("0", 6), (3, 2))}
        self.refuses(checkpoint(value), "no member m/data/0")
        self.refuses(checkpoint(value, {"0": SIX[:-1]}), "member m/data/0", "has 23 bytes, its pickle says 24")
        self.refuses(checkpoint({"t": tensor(storage("0", 2**62), (3, 2))}, {"0": SIX}), "its size overflows")
        self.refuses(checkpoint({"t": tensor(storage("0", -1), (3, 2))}, {"0": SIX}), "offset of -1")
        self.refuses(checkpoint({"t": tensor(storage("../../etc/passwd", 6), (3, 2))}, {"0": SIX}), "no member")
        no_class = storage("0", 6, "torch.float32")
        self.refuses(checkpoint({"t": tensor(no_class, (3, 2))}, {"0": SIX}), "none of storages")
        self.refuses(checkpoint({"t": Raw(b"NQ")}), "no storage")

    def test_tensors_that_leave_their_storage(self):
        beyond = "goes beyond the 24 bytes of storage 0"
        self.refuses_tensor((3, 3), (3, 1), beyond)
        self.refuses_tensor((3, 2), (2, 1), beyond, offset=1)
        self.refuses_tensor((2, 2), (5, 1), beyond)
        self.refuses_tensor((2, 2), (2**62, 2**62), beyond)
        self.refuses_tensor((2, 2), (2**61, 1), beyond)
        self.refuses_tensor((3, 2), (2, 1), beyond, offset=2**63 - 1)
        self.refuses_tensor((7,), (1,), beyond)
        self.refuses_tensor((2**32, 2**32), (0, 0), "overflows")
        self.refuses_tensor((0, 2**32, 2**32), (0, 0, 0), "overflows")
        self.refuses_tensor((-3, 2), (2, 1), "a size, stride or offset of -3")
        self.refuses_tensor((3, 2), (-2, 1), "a size, stride or offset of -2")
        self.refuses_tensor((3, 2), (2, 1), "a size, stride or offset of -1", offset=-1)
        self.refuses_tensor((3, 2), (1,), "not as many strides as sizes")
        self.refuses_tensor((3, "2"), (2, 1), "no integer")

    def test_other_archives(self):
        self.refuses(checkpoint({}), "no table in it")
        self.refuses(archive({"m/data.pkl": b"", "m/constants.pkl": b""}), "TorchScript")
        self.refuses(checkpoint({}, byteorder=b"big"), "not little")
        self.refuses(archive({"a.txt": b""}), "a zip archive of a.txt", "no table in it")
        magic_number = b"\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."
        deeper = archive({"a/b/data.pkl": b"\x80\x02}."})  # as no PyTorch names it
        self.refuses(deeper, "no table in it")
        self.refuses(archive({"": b"", "a/b/data.pkl": b""}), "no table in it")
        for data, says in ((magic_number, "before 1.6"), (pickle.dumps({}), "outside a checkpoint"),
                           (bytes(257) + b"ustar" + bytes(300), "tar archive")):
            self.refuses(data, says, "torch.save")

    def test_damage(self):
        data = checkpoint({"t": tensor(storage("0", 6), (3, 2))}, {"0": SIX})
        self.refuses(data.replace(b"_rebuild_tensor_v2", b"_rebuild_tensor_v3"), "member m/data.pkl", "damaged")

    def test_names(self):
        table = tensor(storage("0", 6), (3, 2))
        for name in (b"a\nb", b"a\0b", b"x" * 10_000, b"\xff", b"__pad", "\u202e\x1b[2J".encode()):
            line = self.refuses(checkpoint({name: table}, {"0": SIX}), "no name for a table file", "--table")
            self.assertLess(len(line), 500)
        tables = self.tables(checkpoint({"a/b": table, b"c\nd": table}, {"0": SIX}),
                             "--table", "a/b", "--table", "c?d=cd")
        self.assertEqual(list(tables), ["a/b", "cd"])
