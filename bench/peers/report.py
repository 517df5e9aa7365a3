"""Results: their figures, the table on the terminal, the JSON file."""
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
from typing import Callable, NamedTuple

import numpy as np
import rowpool
import torch

import isa

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Case(NamedTuple):
    """A name, and what makes its result or raises Wrong or Skipped."""
    name: str
    run: Callable[[], dict]


def result(name, pairs, lookups, **parameters):
    """The figures of a case: medians of nanoseconds a row, and the quartiles of the pairs' ratios peer / rowpool."""
    q1, ratio, q3 = np.quantile(pairs.ratios, [0.25, 0.5, 0.75])
    return {"case": name, **parameters, "ns_rowpool": float(np.median(pairs.ours) / lookups),
            "ns_peer": float(np.median(pairs.theirs) / lookups), "ratio": float(ratio), "q1": float(q1),
            "q3": float(q3), "pairs": len(pairs.ours)}


def latencies(pairs):
    """Microseconds a call, of which half and 99 in a hundred calls take less."""
    return {f"p{percent}_us_{side}": float(np.percentile(times, percent)) / 1e3
            for side, times in (("rowpool", pairs.ours), ("peer", pairs.theirs)) for percent in (50, 99)}


def heading(options, width):
    """What the figures depend on most, and the names of the columns."""
    here = context()
    versions = ", ".join(f"{name} {version}" for name, version in here["versions"].items())
    law = "uniform" if options.zipf is None else f"of a Zipf distribution, exponent {options.zipf}"
    between = f"; {options.between} bytes of other memory written between calls" if options.between else ""
    return (f"{here['machine']['cpu']}, {here['machine']['cores']} cores; {versions}; "
            f"ids {law} unless a name says otherwise{between}\n"
            f"{'case':<{width}} ratio  [quartiles]   rowpool     peer  (ns a row)")


def line(result, width):
    """One line of the table, whose names have that width."""
    text = (f"{result['case']:<{width}} {result['ratio']:5.2f}  [{result['q1']:.2f}, {result['q3']:.2f}]"
            f"  {result['ns_rowpool']:7.2f} {result['ns_peer']:8.2f}  {result['peer']}")
    if "p99_us_peer" in result:
        text += ("  p50 {p50_us_rowpool:.1f} / {p50_us_peer:.1f} us,"
                 " p99 {p99_us_rowpool:.1f} / {p99_us_peer:.1f} us").format(**result)
    return text + (f"  ({result['setting']})" if result.get("setting") else "")


def first_match(path, start):
    """The rest of the first line of a file that begins so, or nothing."""
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((text[len(start):].strip(" \t:") for text in lines if text.startswith(start)), "")


def caches():
    """Size of each cache of the first core by level and type."""
    folders = sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"))
    return {f"L{first_match(folder / 'level', '')} {first_match(folder / 'type', '')}": first_match(folder / "size", "")
            for folder in folders}


def git(*arguments):
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def context():
    """What the figures depend on."""
    return {
        "machine": {"cpu": first_match("/proc/cpuinfo", "model name"), "cores": len(os.sched_getaffinity(0)),
                    "caches": caches(), "memory": first_match("/proc/meminfo", "MemTotal"),
                    "huge_pages": first_match("/sys/kernel/mm/transparent_hugepage/enabled", ""),
                    "system": platform.platform()},
        "versions": {"rowpool": rowpool.__version__, **isa.running(), "torch": torch.__version__,
                     "fbgemm-gpu-cpu": importlib.metadata.version("fbgemm-gpu-cpu"), "numpy": np.__version__,
                     "python": platform.python_version()},
        "commit": git("rev-parse", "HEAD") + (" with changes" if git("status", "--porcelain") else "")}


def write_json(path, options, results):
    text = json.dumps({**context(), "options": vars(options), "results": results}, indent=1)
    pathlib.Path(path).write_text(text + "\n", encoding="utf-8")
