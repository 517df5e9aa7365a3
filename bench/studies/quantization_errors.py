#!/usr/bin/env python3
"""What quantization methods lose on real tables: quantization_errors.py ROWPOOL FILE [TABLE]...

FILE is whatever `rowpool convert` reads. For each of its tables, or those named, and for 8, 4 and 2 bits by every method
prints a line of a Markdown table: the relative L2 error of the rows, and that of sums of bags of 20 indices, drawn by
Zipf's law with exponent 1.05 over the rows in an order of chance. Needs NumPy.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

CODINGS = [(form, method) for form in ("int8", "int4", "int2") for method in ("min-max", "greedy", "search")
           if (form, method) != ("int8", "greedy")]
BAGS = 20000
BAG = 20
EXPONENT = 1.05


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def names(rowpool, file):
    return [table["name"] for table in json.loads(run(rowpool, "inspect", "--json", file))["tables"]]


def decoded(rowpool, file, table, folder):
    run(rowpool, "export", file, table, "-o", folder / "rows.npy")
    return np.load(folder / "rows.npy").astype(np.float64)


def bags(rows):
    """Indices [BAGS, BAG]; the same ones for every method."""
    random = np.random.default_rng(1)
    shares = 1 / random.permutation(np.arange(1, rows + 1)) ** EXPONENT
    return random.choice(rows, (BAGS, BAG), p=shares / shares.sum())


def pooled(rows, indices):
    return np.concatenate([rows[part].sum(axis=1) for part in np.array_split(indices, 100)])


def relative(found, wanted):
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


def main():
    rowpool, source = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        run(rowpool, "convert", source, "-o", folder / "f32.safetensors", "--format", "f32")
        tables = sys.argv[3:] or names(rowpool, folder / "f32.safetensors")
        print("| table | format | method | rows | bags of 20 |\n|---|---|---|---|---|")
        for table in tables:
            rows = decoded(rowpool, folder / "f32.safetensors", table, folder)
            indices = bags(len(rows))
            sums = pooled(rows, indices)
            for form, method in CODINGS:
                run(rowpool, "convert", folder / "f32.safetensors", "-o", folder / "coded.safetensors",
                    "--table", table, "--format", form, "--method", method)
                lossy = decoded(rowpool, folder / "coded.safetensors", table, folder)
                print(f"| {table} | {form} | {method} | {relative(lossy, rows):.5f} | "
                      f"{relative(pooled(lossy, indices), sums):.5f} |", flush=True)


if __name__ == "__main__":
    main()
