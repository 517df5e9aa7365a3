#!/usr/bin/env python3
"""Compares how tables learn with PyTorch and FBGEMM on random cases: compare_torch_training.py TEST_TRAINING

TEST_TRAINING is the program of the committed cases, here run on those of other seeds. Skipped (exit status 77) when
neither this interpreter nor the one that ROWPOOL_TORCH_PYTHON names can import torch and fbgemm_gpu.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import fbgemm_gpu  # noqa: F401
    import torch  # noqa: F401
except ImportError as missing:
    other = os.environ.pop("ROWPOOL_TORCH_PYTHON", None)
    if other:
        os.execv(other, [other, *sys.argv])
    print(f"skipped: {missing}; ROWPOOL_TORCH_PYTHON may name an interpreter that has it")
    sys.exit(77)

MAKE = pathlib.Path(__file__).resolve().parents[1] / "fixtures/make_training_fixtures.py"

with tempfile.TemporaryDirectory() as folder:
    for seed in (2, 3, 4):
        cases = f"{folder}/{seed}.json"
        subprocess.run([sys.executable, "-W", "ignore", MAKE, "--seed", str(seed), "--cases", "200", "--long", "5",
                        "-o", cases], check=True)
        subprocess.run([sys.argv[1]], check=True, env={**os.environ, "ROWPOOL_TRAINING_CASES": cases})
