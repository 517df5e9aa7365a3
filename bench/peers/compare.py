#!/usr/bin/env python3
"""Compares rowpool with what else looks embeddings up on a CPU; ./dev bench --peers sets up what it needs and runs it.

Every case gives both sides the same rows, in the same memory, in 2 MiB pages where the system allows them, and the same
ids. Their results are compared first; a case whose results are wrong is reported, is not timed, and makes the exit
status 1. Then both are timed in turns in this process. The ratio of a case is the median over the pairs of
peer / rowpool: above 1, rowpool is faster. Beside it are the quartiles, and the median nanoseconds a looked-up row.
At the end are the cases in which rowpool is behind, and what each group of cases comes to.

--grid named, the default:
kernel/<format>/dim:<d>/<place>
    Sums of 1,024 bags of 20 rows of one table on one thread, in processor time. int8, int4: PyTorch's
    quantized.embedding_bag_{byte,4bit}_rowwise_offsets. f32, f16, bf16: torch.nn.functional.embedding_bag, whose
    results have the type of the table; rowpool then writes the same type. The table is 32 KiB (L1), 512 KiB (L2),
    16 MiB (L3), 256 MiB (DRAM) or, with --large, 4 GiB.
numpy/f32/dim:<d>/<place>
    The same beside rows[indices] and numpy.add.reduceat.
request/dlrm:<rows>/batch:<b>/threads:<n>/<peer>
    All 26 tables of MLPerf's DLRM-DCNv2 cut to that many rows, int8, 214 lookups a sample. tbe: FBGEMM's table batched
    embeddings; torch: a loop over the byte operator. A peer runs in the best of its settings for n threads, named at
    the end of the line. One thread: processor time; two: wall clock, several calls at a time, after others.
latency/dlrm:250/batch:1/threads:1/<peer>
    One sample, tables that fit the cache; wall clock, with p50 and p99 of a call, rowpool / peer. tbe is the operator
    alone, tbe-module with its Python module around it.

Other grids, each by its name; one thread. Floats are pooled by torch.embedding_bag, which is
torch.nn.functional.embedding_bag without some microseconds of Python.
dims/<format>/dim:<d>/<size>
    Dims of 1 to 2,048.
short/<format>/dim:<d>/bag:<rows>/batch:<b>/<size>
    Bags of 1 to 10 rows.
lookup/<format>/dim:<d>/<size>/<peer>
    Rows without bags, beside torch.nn.functional.embedding, torch.index_select into a given tensor, and numpy.take into
    a given array, which is a loop of memcpy.
batches/<format>/dim:<d>/batch:<b>/<size>
    64 to 32,768 bags of 20 rows.
overwritten/<format>/dim:<d>/<size>
    Other memory is written before each call, as the dense part of a model does: --between bytes, or four times the
    second-level cache.
requests/criteo:<rows>/<format>/dim:<d>/bag:<rows>/batch:<b>/zipf:<exponent>
    26 tables with Criteo's numbers of rows, cut to that many, one or four rows a bag, beside TBE's operator.
zentorch/..., zentorch-requests/..., others/<peer>/f32/dim:<d>/<size>
    Beside AMD's zentorch, OpenVINO, ONNX Runtime, TensorFlow and scipy. ./dev bench --peers all [OPTION]... installs
    them and runs these two grids. A library that is not there is skipped.

--random N, instead of a grid:
random/<format>/dim:<d>/bag:<rows>/batch:<b>/<size>/<ids>/<type of ids>/<pooling>
    N shapes that follow from --seed. Their names say all of them, so that --filter repeats one; weighted is a sum.
random-requests/<seed>:<number>/...
    With --grid requests, N requests of 1 to 100 tables of mixed dims, formats and bags, beside TBE's operator.

rowpool is called through its Python package and writes into one buffer, as a server would; the peers are called under
torch.inference_mode and allocate their results, in memory that malloc keeps for them. rowpool checks all offsets and
indices.
"""
import argparse
import os
import re
import sys

import torch

import isa
import report
import request_cases
import request_grids
import summary
import table_cases
import table_grids
from checks import Skipped, Wrong

# The peers allocate their results in every call. As it is, glibc's malloc gives most of them fresh pages each time, and
# the page faults cost a large part of the time of a small table: a matter of the allocator, which is not compared here.
# Nor are huge pages, which NumPy asks for and PyTorch does not.
MALLOC = "glibc.malloc.tcache_count=0:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1073741824"
MEMORY = {"GLIBC_TUNABLES": MALLOC, "NUMPY_MADVISE_HUGEPAGE": "0"}
KINDS = [(table_grids, table_cases), (request_grids, request_cases)]
GRIDS = list(table_grids.GRIDS | request_grids.GRIDS)
QUICK_STEP = 37  # of the cases of a large grid, one in so many


def restart_with(settings):
    """Starts this program anew with what malloc, NumPy, rowpool and PyTorch read from the environment."""
    if not settings.items() <= os.environ.items():
        os.environ.update(settings)
        os.execv(sys.executable, [sys.executable, *sys.argv])


def parse_options():
    parser = argparse.ArgumentParser(prog="./dev bench --peers", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--filter", metavar="REGEX", default="", help="only the cases whose name it matches somewhere")
    parser.add_argument("--grid", nargs="+", choices=[*GRIDS, "all"], default=["named"],
                        help="which cases, see above; named without it")
    parser.add_argument("--random", metavar="N", type=int, default=0,
                        help="so many random shapes instead of a grid; with --grid requests, so many random requests")
    parser.add_argument("--seed", metavar="S", type=int, default=1, help="of the random shapes; default %(default)s")
    parser.add_argument("--between", metavar="BYTES", type=int, default=0,
                        help="write so many bytes of other memory before each call of either side")
    parser.add_argument("--isa", choices=isa.ISAS, help="what both sides run; without it, the best one of each")
    parser.add_argument("--quick", action="store_true", help="a small subset")
    parser.add_argument("--large", action="store_true", help="tables of 4 GiB, too")
    parser.add_argument("--zipf", metavar="ALPHA", type=float, help="ids of a Zipf distribution; uniform without it")
    parser.add_argument("--seconds", type=float, default=0.4, help="to time a case for; default %(default)s")
    parser.add_argument("--json", metavar="OUT", help="write the results to this file, too")
    options = parser.parse_args()
    try:
        re.compile(options.filter)
    except re.error as error:
        parser.error(f"--filter {options.filter}: {error}")
    if options.zipf is not None and not 0 < options.zipf < 10:
        parser.error(f"--zipf {options.zipf}: not above 0 and below 10")
    for name in ("random", "between"):
        if getattr(options, name) < 0:
            parser.error(f"--{name} {getattr(options, name)}: below 0")
    if options.random and options.grid not in (["named"], ["requests"]):
        parser.error("--random: is instead of a grid, or with --grid requests")
    if options.json and (os.path.isdir(options.json) or not os.access(os.path.dirname(options.json) or ".", os.W_OK)):
        parser.error(f"--json {options.json}: cannot be written")
    return options


def chosen(options):
    """The cases of all that was asked for."""
    if options.random:
        grids, cases = KINDS[options.grid == ["requests"]]
        return cases.cases(grids.random_cells(options), options)
    found = []
    for name in GRIDS if "all" in options.grid else options.grid:
        cells = [case for grids, cases in KINDS if name in grids.GRIDS
                 for case in cases.cases(grids.GRIDS[name](options), options)]
        found += cells[::QUICK_STEP] if options.quick and name != "named" else cells
    return found


@torch.inference_mode()
def measure(cases, width):
    """The results, each printed as it comes, and how many cases are wrong. One line for all that are skipped for the
    same reason."""
    results, wrong, reasons = [], 0, set()
    for case in cases:
        try:
            results.append(case.run())
            print(report.line(results[-1], width), flush=True)
        except Wrong as error:
            wrong += 1
            print(f"{case.name}: wrong: {error}", flush=True)
        except Skipped as error:
            if str(error) not in reasons:
                print(f"{case.name} and others like it: skipped: {error}", flush=True)
            reasons.add(str(error))
    return results, wrong


def main():
    options = parse_options()
    cases = [case for case in chosen(options) if re.search(options.filter, case.name)]
    if not cases:
        sys.exit(f"no case matches {options.filter}")
    restart_with(MEMORY | isa.environment(options.isa))
    if options.isa:
        isa.force_fbgemm(options.isa)
    torch.set_num_threads(1)
    width = max(len(case.name) for case in cases)
    print(report.heading(options, width))
    results, wrong = measure(cases, width)
    print("\n".join(summary.summary(results, lambda result: report.line(result, width))))
    if options.json:
        report.write_json(options.json, options, results)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
