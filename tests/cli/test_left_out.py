"""What looks like an embedding and is no table: it is named with the reason, everywhere."""
import json
import os
import struct

import test_onnx as onnx
from checkpoints import Raw, call, checkpoint, encoded, named, storage, tensor
from support import ConvertTest, Safetensors, npy, npy_header, npy_raw, npz, safetensors


class LeftOut(ConvertTest):
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
                 ("Long", 8, None, "int64 5 x 4"), ("", 1, "torch.float8_e8m0fnu", "float8_e8m0fnu 5 x 4"),
                 ("", 1, "torch.float4_e2m1fn_x2", "float4_e2m1fn_x2 5 x 4"), ("", 2, "torch.uint16", "uint16 5 x 4")]
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

    def test_a_single_number(self):
        """A scalar has no columns, not even to be too many."""
        for dtype, size in (("F32", 4), ("I64", 8), ("BOOL", 1)):
            self.write("m.safetensors", safetensors({"step": (dtype, [], bytes(size)), "f": ("F32", [3, 4], bytes(48))}))
            self.assertEqual(self.warns("m.safetensors").tables(), ["f"])

    def test_stacks_and_quantized_tensors(self):
        stack = tensor(storage("0", 48), (3, 4, 4))
        codes = storage("q", 20, "QUInt8")
        hooks = call("collections.OrderedDict")
        scheme = (named("torch.per_tensor_affine"), 0.5)
        whole = call("torch._utils._rebuild_qtensor", codes, 0, (5, 4), (4, 1), Raw(encoded(scheme)), False, hooks)
        fc = tensor(storage("0", 12), (3, 4))
        self.write("m.pt", checkpoint({"s": stack, "q": whole, "fc": fc}, {"0": bytes(192), "q": bytes(20)}))
        self.warns("m.pt", says=[["s (float32 3 x 4 x 4)", "all as one of 12 x 4"],
                                 ["q (quint8 5 x 4)", "dequantize()"]])

    def test_sparse_and_nested_tensors(self):
        def sparse(shape, *parts):
            layout = call("torch.serialization._get_layout", "torch.sparse_coo")
            return call("torch._utils._rebuild_sparse_tensor", layout, (*parts, call("torch.Size", shape)))

        values, indices = tensor(storage("v", 3), (3,)), tensor(storage("i", 6, "Long"), (2, 3))
        sizes = tensor(storage("i", 6, "Long"), (3, 2))
        nested = call("torch._utils._rebuild_nested_tensor", values, sizes, sizes, tensor(storage("i", 3, "Long"), (3,)))
        rows = {"coo": sparse((50, 4), indices, values), "csr": sparse((6, 2), values, indices, values),
                "few": sparse((2, 4), indices, values), "deep": sparse((9, 2, 2, 2), indices, values), "nest": nested}
        stored = {"v": bytes(12), "i": bytes(48), "0": bytes(48)}
        self.write("m.pt", checkpoint({**rows, "fc": tensor(storage("0", 12), (3, 4))}, stored))
        self.warns("m.pt", says=[["coo (float32 50 x 4): sparse", "to_dense()"], ["csr (float32 6 x 2): sparse"],
                                 ["nest (float32 nested of 3): nested", "unbind()"]])
        self.refuses("m.pt", "coo (float32 50 x 4): sparse", options=["--table", "coo"])

    def test_scales_that_are_sparse(self):
        """They look as long as the table has rows, and their storage is not."""
        layout = call("torch.serialization._get_layout", "torch.sparse_coo")
        values = tensor(storage("v", 1, "Double"), (1,))
        scales = call("torch._utils._rebuild_sparse_tensor", layout, (values, values, call("torch.Size", (5000,))))
        scheme = Raw(encoded((named("torch.per_channel_affine_float_qparams"), scales, scales, 0)))
        codes = storage("q", 20000, "QUInt8")
        hooks = call("collections.OrderedDict")
        table = call("torch._utils._rebuild_qtensor", codes, 0, (5000, 4), (4, 1), scheme, False, hooks)
        self.write("m.pt", checkpoint({"e": table}, {"q": bytes(20000), "v": bytes(8)}))
        self.refuses("m.pt", "e (quint8 5000 x 4)")

    def test_other_formats(self):
        f = ("F32", [3, 4], bytes(48))
        for dtype, size in (("F8_E8M0", 1), ("I8", 1), ("U8", 1), ("I32", 4)):
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
            scales = {"emb.weight": ("U8", [6, 5], bytes(30)), scale: ("F32", [6, 1], bytes(24))}
            self.write("m.safetensors", safetensors(scales))
            self.refuses("m.safetensors", "no table in it", "emb.weight (U8 6 x 5)")
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


class Inspect(ConvertTest):
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

    def test_json_of_safetensors(self):
        odd = {"i": ("I8", [5, 4], bytes(20)), "i.scale": ("F64", [5, 1], bytes(40)), "d": ("F64", [1, 1], bytes(8))}
        self.write("m.safetensors", safetensors({"f": ("F32", [3, 4], bytes(48)), **odd}))
        listing = json.loads(self.passes("inspect", "m.safetensors", "--json"))
        self.assertEqual([(one["name"], one["kind"]) for one in listing["left_out"]],
                         [("i", "I8 5 x 4"), ("i.scale", "f32 5 x 1")])
        self.assertEqual((listing["for_convert_alone"], [t["name"] for t in listing["tables"]]), (["d"], ["f"]))
        self.passes("convert", "m.safetensors", "--table", "f", "-o", "out")
        listing = json.loads(self.passes("inspect", "out", "--json"))
        self.assertEqual((listing["for_convert_alone"], listing["left_out"]), ([], []))

    def test_of_nothing_but_what_is_left_out(self):
        self.write("m.pt", checkpoint({"o": tensor(storage("1", 20, "Char"), (5, 4))}, {"1": bytes(20)}))
        self.assertIn("would make 0 tables", self.passes("inspect", "m.pt"))
        self.write("d.safetensors", safetensors({"d": ("F64", [1, 1], bytes(8)), "f": ("F32", [1, 1], bytes(4))}))
        self.assertIn("a table for rowpool convert alone: d\n", self.passes("inspect", "d.safetensors"))


class NarrowTables(ConvertTest):
    def test_int8_is_no_default_where_it_is_larger(self):
        for dim, dtype, form in ((1, "f4", "F32"), (2, "f4", "F32"), (3, "f4", "U8"), (7, "f2", "F16"), (8, "f2", "U8")):
            self.write("e.npy", npy([1.0] * dim, (1, dim), dtype))
            done = self.passes("convert", "e.npy", "-o", "out")
            self.assertEqual(Safetensors(self.read("out")).header["e"]["dtype"], form, dim)
            self.assertEqual("int8 would be larger" in done, form != "U8")
        self.write("e.npy", npy([1.0], (1, 1)))
        self.assertIn("larger than its f32 rows of 4 bytes", self.passes("convert", "e.npy", "--format", "int8", "-o", "out"))


class Onnx(ConvertTest):
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
