#!/usr/bin/env python3
"""Makes the golden files: make.py PATH-OF-ROWPOOL FOLDER. NAME.expected.json beside each says
what a reader must find in it.

The files beside this script were made by it once and are never made again (README.md). It is here to show what they
are, and to make those of a new format, version or kind. No file is written in the place of one that is there.
"""
import hashlib
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from support import Safetensors, f32, flat, npy, npy_header, npy_raw, random_rows, read_npy  # noqa: E402

FORMATS = ["f32", "f16", "bf16", "int8", "int8-f16", "int4", "int2", "tbe-int8", "tbe-int4", "tbe-int2"]
MODES = ["sum", "mean", "sqrtn", "max"]
PADDING = 5
NAMES = ["the", "of", "New York", "caf\u00e9", "a", "<pad>", "#1", "\u65e5\u672c", "x" * 40, "the", "...", "-0.5", "z",
         "\"q\""]
KEPT = [0, 2, 3, 5, 6, 7, 8, 9, 11, 13]  # of the ids of `words`; the others are pruned in version 2
# What is pooled from either table: three bags, of which the second is empty, with repeated, padding and pruned ids.
INDICES = [3, 0, 3, PADDING, 7, 4, 9, 2]
OFFSETS = [0, 5, 5, 8]
WEIGHTS = [1.0, -0.5, 0.25, 3.0, 1.0009765625, 0.3333333432674408, 2.0, -1.5]
# Lookups of version 1, after which no row has to move; those of version 2, after which many have.
LOOKUPS = {1: {"words": [0] * 4 + [1] * 3 + [2] * 2 + [3]},
           2: {"words": [7, 9, 7, 1, 7, 9, 2], "items": [3, 8, 3]}}


def words():
    """14 rows of 13 columns: constant, zero, tiny, with an outlier, and whatever comes."""
    rows = random_rows(random.Random(1), len(NAMES), 13)
    rows[0] = [0.1] * 13
    rows[1] = [0.0, -0.0] * 6 + [0.0]
    rows[2] = [6e-8, -6e-8, 1e-40, -1e-40, 5.9e-5, 6.1e-5, 0.0] + [3e-6 * i for i in range(6)]
    rows[3][4] = 100.0
    return [[f32(x) for x in row] for row in rows]


def items():
    """10 rows of 20 columns, of which row 6 is zeros, which version 2 prunes."""
    rows = random_rows(random.Random(2), 10, 20)
    rows[6] = [0.0] * 20
    return [[f32(x / 7) for x in row] for row in rows]


def trace(arrays, compression=zipfile.ZIP_STORED, zip64=False):
    """An archive of {member: bytes of its .npy file}; with zip64 as numpy.savez writes it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(name + ".npy")
            info.compress_type = compression
            with archive.open(info, "w", force_zip64=zip64) as member:
                member.write(array)
    return data.getvalue()


def ids(values, dtype="i8", version=1):
    return npy(values, (len(values),), dtype, version=version)


def npy3(values, descr, code):
    """A .npy file of version 3, whose header is UTF-8."""
    return npy_raw(npy_header(descr, (len(values),)), struct.pack(f"<{len(values)}{code}", *values), 3)


# What is in each trace: for each feature, in the order of the file, its table, indices, offsets and weights.
TRACES = {
    "trace-i64.npz": {"words": ("words", LOOKUPS[2]["words"], [0, 3, 3, 7], None),
                      "items": ("items", LOOKUPS[2]["items"], [0, 1, 2, 3], None)},
    "trace-i32.npz": {"items": ("items", [9, 0, 9], [0, 0, 3], [0.5, 0.1, -2.0]),
                      "items#2": ("items", [4], [0, 1, 1], None)},
    "trace-npy-3.npz": {"words": ("words", [13, 0, 13, 12], [0, 4], [1.0, 2.0, 3.0, 4.0])}}


def trace_files():
    stored, deflated, newest = TRACES.values()
    i64 = {f"{name}.{part}": ids(values) for name, (_, indices, offsets, _) in stored.items()
           for part, values in (("indices", indices), ("offsets", offsets))}
    i32 = {f"{name}.{part}": ids(values, "i4", 2) for name, (_, indices, offsets, _) in deflated.items()
           for part, values in (("indices", indices), ("offsets", offsets))}
    i32["items.weights"] = ids([f32(w) for w in deflated["items"][3]], "f4")
    _, indices, offsets, weights = newest["words"]
    npy_3 = {"words.weights": npy3(weights, "<f4", "f"), "words.offsets": npy3(offsets, "<i8", "q"),
             "words.indices": npy3(indices, "<i4", "i")}
    return {"trace-i64.npz": trace(i64, zip64=True), "trace-i32.npz": trace(i32, zipfile.ZIP_DEFLATED),
            "trace-npy-3.npz": trace(npy_3)}


class Maker:
    def __init__(self, rowpool, folder, work):
        self.rowpool, self.folder, self.work = os.path.abspath(rowpool), Path(folder), Path(work)

    def run(self, *args):
        subprocess.run([self.rowpool, *args], cwd=self.work, check=True, capture_output=True)

    def write(self, name, data, expected):
        """Puts a golden file where the others are, and beside it what is expected of it, a member a line."""
        expected = {"sha256": hashlib.sha256(data).hexdigest(), **expected}
        lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in expected.items()]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        for path, content in ((self.folder / name, data), (self.folder / f"{name}.expected.json", text.encode())):
            with open(path, "xb") as file:
                file.write(content)

    def make_inputs(self):
        lines = [f"{len(NAMES)} 13"] + [" ".join([name, *map(repr, row)]) for name, row in zip(NAMES, words())]
        (self.work / "words").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (self.work / "items.npy").write_bytes(npy(flat(items()), (10, 20)))
        (self.work / "keep.npy").write_bytes(ids(KEPT))
        (self.work / "indices.npy").write_bytes(ids(INDICES))
        (self.work / "offsets.npy").write_bytes(ids(OFFSETS))
        (self.work / "weights.npy").write_bytes(npy(WEIGHTS, (len(WEIGHTS),)))
        for version, lookups in LOOKUPS.items():
            arrays = {}
            for name, indices in lookups.items():
                arrays[name + ".indices"], arrays[name + ".offsets"] = ids(indices), ids([0, len(indices)])
            (self.work / f"lookups-{version}.npz").write_bytes(trace(arrays))

    def table_file(self, form, version):
        """Both tables in one format; in version 2 with remaps."""
        name = f"{form}-v{version}.safetensors"
        edits = ["--padding-idx", f"words={PADDING}", "--order-by-trace", f"lookups-{version}.npz"]
        if version == 2:
            edits += ["--keep", "words=keep.npy", "--prune-below", "items=0"]
        self.run("convert", "words", "items.npy", "--format", form, "-o", name, *edits)
        data = (self.work / name).read_bytes()
        file = Safetensors(data)
        assert json.loads(file.metadata["rowpool"])["version"] == version, name
        self.write(name, data, {
            "kind": "tables", "format": form, "version": version, "names": NAMES, "indices": INDICES,
            "offsets": OFFSETS, "weights": [w.hex() for w in WEIGHTS],
            "tables": {table: self.table(name, file, table) for table in file.tables()}})

    def table(self, name, file, table):
        record = file.record(table)
        data = file.tensor(record["remap"]) if "remap" in record else b""
        error = record.get("error")
        return {"rows": file.header[table]["shape"][0], "dim": record["dim"], "row_stride": record["row_stride"],
                "padding_index": record.get("padding_index"), "hot_rows": record.get("hot_rows"),
                "remap": list(struct.unpack(f"<{len(data) // 4}i", data)), "source": record["source"],
                "quantization": record["quantization"],
                "error": error and {key: value.hex() for key, value in error.items()},
                "lookup": self.looked_up(name, table), **{mode: self.pooled(name, table, mode) for mode in MODES}}

    def looked_up(self, name, table):
        """Every id's row: bits of f32 numbers, little-endian, in hexadecimal."""
        self.run("export", name, table, "-o", "out.npy")
        return self.taken("out.npy")

    def pooled(self, name, table, mode):
        weights = [] if mode == "max" else ["--weights", "weights.npy"]
        self.run("pool", name, table, "--indices", "indices.npy", "--offsets", "offsets.npy", "--include-last-offset",
                 *weights, "--mode", mode, "-o", "out.npy")
        return self.taken("out.npy")

    def taken(self, name):
        path = self.work / name
        descr, _, values = read_npy(path.read_bytes())
        path.unlink()
        assert descr == "<f4"
        return struct.pack(f"<{len(values)}f", *values).hex()

    def tuning_profile(self):
        """A profile of a table that the first-level cache holds and of one that goes beyond the second, and its numbers
        with all their bits."""
        (self.work / "far.npy").write_bytes(npy_raw(npy_header("<f4", (300_000, 8)), bytes(300_000 * 8 * 4)))
        self.run("convert", "words", "far.npy", "--format-of", "words=f32", "-o", "tuned")
        self.run("tune", "tuned", "-o", "tuning.json")
        data = (self.work / "tuning.json").read_bytes()
        profile = json.loads(data)
        tables = [{key: value.hex() if isinstance(value, float) else value for key, value in table.items()}
                  for table in profile["tables"]]
        self.write("tuning.json", data, {"kind": "profile", "cpu": profile["cpu"], "tables": tables})

    def trace(self, name, data):
        features = [{"feature": feature, "table": table, "indices": indices, "offsets": offsets,
                     "weights": weights and [f32(w).hex() for w in weights]}
                    for feature, (table, indices, offsets, weights) in TRACES[name].items()]
        self.write(name, data, {"kind": "trace", "features": features})

    def make(self):
        self.make_inputs()
        for form in FORMATS:
            for version in (1, 2):
                self.table_file(form, version)
        self.tuning_profile()
        for name, data in trace_files().items():
            self.trace(name, data)


def main():
    """Makes all of them in a folder of its own and leaves nothing else behind."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as work:
        Maker(sys.argv[1], sys.argv[2], work).make()


if __name__ == "__main__":
    main()
