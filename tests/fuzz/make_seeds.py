#!/usr/bin/env python3
"""Writes what fuzzing begins with: make_seeds.py OUTDIR, a folder a target, small files of every kind it reads.

They are the golden files and the fixtures, and what the command's own tests put together by hand.
"""
import json
import os
import random
import shutil
import struct
import sys
import zipfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "cli"))

import checkpoints  # noqa: E402
import test_fasttext  # noqa: E402
import test_onnx  # noqa: E402
import test_word2vec  # noqa: E402
import test_zip  # noqa: E402
from support import npy, npy_header, npy_raw, npz, safetensors  # noqa: E402

VALUES = [0.5, -1.0, 2.0, 3.0, 1e-3, 65504.0]
F4 = struct.pack("<6f", *VALUES)


def files(*names):
    return [(TESTS / name).read_bytes() for name in names]


def golden(pattern):
    return [path.read_bytes() for path in sorted((TESTS / "golden").glob(pattern))]


def npy_files():
    for dtype in ("f2", "f4", "f8", "i4", "i8"):
        for order in "<>":
            yield npy([1, 2, 3, 4, 5, 6], (2, 3), dtype, order, fortran=order == ">")
    yield npy(VALUES, (6,))
    yield npy(VALUES, (2, 3), version=2)
    yield npy([], (0, 3))
    yield npy_raw(npy_header("<V2", (2, 3)), bytes(12))
    yield npy_raw(npy_header("|u1", (2, 12)), bytes(24), version=3)


def npz_files():
    arrays = {"a": npy(VALUES, (2, 3)), "b/c": npy(VALUES, (3, 2), "f8"), "codes": npy([1, 2], (2,), "i4")}
    yield npz(arrays)
    yield npz(arrays, zipfile.ZIP_DEFLATED)
    yield test_zip.zip64(npz(arrays))


def pickles():
    """Values of checkpoints, as pickles, and the storages of them."""
    stored = checkpoints.storage("0", 6)
    table = checkpoints.tensor(stored, (2, 3))
    codes = checkpoints.tensor(checkpoints.storage("0", 6, "QUInt8"), (2, 3))
    nested = {"model": {"emb.weight": table, "n": 3, "x": [1.5, None, True]}, "epoch": (1, 2**40)}
    for value in ({"t": table}, nested, {"t": checkpoints.tensor(stored, (3, 2), (1, 3))}, {"q": codes}, [table, "text"]):
        yield b"\x80\x02" + checkpoints.encoded(value) + b"."


def checkpoint_files():
    for pickle in pickles():
        yield checkpoints.checkpoint(pickle, {"0": F4})
        yield checkpoints.checkpoint(pickle, {"0": F4}, zipfile.ZIP_DEFLATED)
    shared = [checkpoints.tensor(checkpoints.storage("0", 10**5), (2, 1))] * 50
    yield checkpoints.checkpoint(shared, {"0": bytes(4 * 10**5)}, zipfile.ZIP_DEFLATED)
    yield from files("fixtures/checkpoint.pt")


def onnx_files():
    raw, halves = test_onnx.raw(), test_onnx.halves(test_onnx.VALUES)
    doubles = test_onnx.raw(test_onnx.VALUES, "d")
    outside = test_onnx.external(location="weights.bin", offset=0, length=24)
    yield test_onnx.model(test_onnx.tensor("w", raw), test_onnx.tensor("d", doubles, kind=test_onnx.DOUBLE))
    yield test_onnx.model(test_onnx.tensor("h", halves, kind=test_onnx.FLOAT16, packed_dims=True))
    yield test_onnx.model(test_onnx.tensor("x", outside))


def fasttext_files():
    yield test_fasttext.fasttext(test_fasttext.ENTRIES, test_fasttext.MATRIX)
    yield test_fasttext.fasttext(test_fasttext.ENTRIES, test_fasttext.MATRIX[:3], version=11, tail=b"\0" + bytes(40))
    yield test_fasttext.fasttext(test_fasttext.ENTRIES, test_fasttext.MATRIX, pruned=[(0, 0), (1, 1)])


def word2vec_files():
    for end in (b"\n", b""):
        yield test_word2vec.word2vec(test_word2vec.ROWS, end=end)


def texts():
    yield b"2 3\ncat 1 2 3\ndog -4.5 5e-3 6\n"
    yield b"cat 1 2 3\ndog -4.5 5e-3 6\n\n"
    yield b"1 2 3\n4 5 6\n7 8 9"
    yield b"a b 1 2\nc\t3 4\r\n" + b"\xff\xfe 5 6\n"
    yield b"# made by hand\n1.5,2.5\n3.5,4.5\n"


def safetensors_files():
    yield safetensors({"a": ("F32", [2, 3], F4), "b": ("F64", [1, 3], F4), "c": ("U8", [2, 12], F4)})
    yield safetensors({"emb.weight": ("BF16", [4, 3], F4), "empty": ("F16", [0, 3], b"")})


def indices():
    yield json.dumps({"metadata": {"total_size": 24}, "weight_map": {"a": "model-1.safetensors", "b": "m.bin"}}).encode()


def profiles():
    yield from golden("tuning.json")


def header_of(data):
    return data[8 : 8 + struct.unpack_from("<Q", data)[0]]


def calls():
    """Decisions of any kind."""
    rng = random.Random(1)
    for size in (0, 20, 50, 100, 100, 200, 200, 200):
        yield rng.randbytes(size)


def all_seeds():
    tables = golden("*.safetensors") + list(safetensors_files())
    archives, models = list(npz_files()), list(checkpoint_files())
    words = list(texts()) + list(word2vec_files()) + list(fasttext_files())
    return {
        "checkpoint": models,
        "convert": tables + archives + models + words + list(npy_files()) + list(onnx_files()),
        "fasttext": list(fasttext_files()),
        "json": [header_of(table) for table in tables] + list(profiles()) + list(indices()),
        "npy": list(npy_files()),
        "npz": archives + golden("*.npz"),
        "onnx": list(onnx_files()),
        "pickle": list(pickles()),
        "pool": list(calls()),
        "shard_index": list(indices()),
        "table_file": tables,
        "text": list(texts()),
        "trace": golden("*.npz"),
        "training_state": golden("state-*.safetensors"),
        "tuning_profile": list(profiles()),
        "word2vec": list(word2vec_files()),
    }


def main():
    out = Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    for target, seeds in all_seeds().items():
        os.makedirs(out / target)
        for number, seed in enumerate(seeds):
            (out / target / f"{number:02}").write_bytes(seed)


if __name__ == "__main__":
    main()
