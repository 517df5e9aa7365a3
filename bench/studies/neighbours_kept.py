#!/usr/bin/env python3
"""Which nearest neighbours survive a conversion: neighbours_kept.py ROWPOOL SOURCE CONVERTED TABLE NAMES WORD...

NAMES has the name of each row of TABLE, one a line, as a tokenizer's vocab.txt does. Prints for each WORD how many of
the 10 rows of greatest cosine in SOURCE are among those of CONVERTED. Needs NumPy.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

COUNT = 10


def directions(rowpool, file, table):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "rows.npy"
        subprocess.run([rowpool, "export", file, table, "-o", out], check=True, capture_output=True)
        rows = np.load(out).astype(np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)


def nearest(rows, row):
    order = np.argsort(-(rows @ rows[row]), kind="stable")
    return {int(other) for other in order[: COUNT + 1] if other != row}


def main():
    rowpool, source, converted, table, names, *words = sys.argv[1:]
    vocabulary = pathlib.Path(names).read_text(encoding="utf-8").splitlines()
    before, after = (directions(rowpool, file, table) for file in (source, converted))
    kept = {word: len(nearest(before, row) & nearest(after, row))
            for word, row in ((word, vocabulary.index(word)) for word in words)}
    for word, count in kept.items():
        print(f"{word}: {count} of {COUNT}")
    print(f"all: {sum(kept.values())} of {COUNT * len(kept)}")


if __name__ == "__main__":
    main()
