"""Files of other kinds: what they are and what to do about them; and those that are read after all."""
import json
import struct

from checkpoints import archive, call, checkpoint, encoded, named, storage, tensor
from support import ConvertTest, npy, npy_header, npy_raw, npz


class OtherFiles(ConvertTest):
    """Files of other kinds are told what they are and what to do."""

    def test_by_their_first_bytes(self):
        lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
        for name, data, says in (("v.tar", bytes(257) + b"ustar", "tar -xf"), ("v", b"BZh91AY&SY\0", "bunzip2"),
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


class ShardedCheckpoints(ConvertTest):
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
        self.index(name, t1="1.bin", t2="2.bin", b3="2.bin")
        self.refuses_index(name, "tensor b3 is not in 2.bin, where the index has it")
        self.fails("inspect", name, says="tensor b3 is not in 2.bin, where the index has it")
        self.write("2.bin", npz({"a": npy([1], (1, 1))}))
        self.index(name, t1="1.bin", t2="2.bin")
        self.refuses_index(name, "2.bin: no checkpoint")

    def refuses_index(self, name, *says):
        self.fails("convert", name, "-o", "out", says=says)
