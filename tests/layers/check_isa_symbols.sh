#!/usr/bin/env bash
# check_isa_symbols.sh BUILD_DIR ISA...: the kernel object of each instruction set shares no code with other objects.
#
# An inline function or template that is not inlined becomes a weak symbol, and the linker keeps one copy for the whole
# program: perhaps the AVX-512 one, which the baseline then runs on a CPU without it. So a kernel object may define
# nothing weak or unique, and exports only its table of functions.
#
# And it prefetches: a compiler may drop a function that does nothing else, and only benchmarks would notice.
set -euo pipefail
build=$1
shift
status=0
for isa in "$@"; do
    object=$(echo "$build"/runtime/libkernels_"$isa".a.p/*.o)
    symbols=$(nm -C "$object")
    weak=$(grep -E '^[0-9a-f ]+ [WwVvu] ' <<<"$symbols" | grep -v ' DW\.ref\.' || true)
    exported=$(grep -E '^[0-9a-f]+ [A-Z] ' <<<"$symbols" | grep -vE ' [UWVN] ' | cut -d' ' -f2- || true)
    if [[ -n $weak ]]; then
        echo "$isa: symbols that other objects may replace:"$'\n'"$weak"
        status=1
    fi
    if [[ ! $exported =~ ^[RD]\ rowpool::kernels::kernels_$isa$ ]]; then
        echo "$isa: exports more or other than kernels_$isa:"$'\n'"$exported"
        status=1
    fi
    prefetches=$(objdump -d --no-show-raw-insn "$object" | grep -cE '\s(prefetcht1|prfm\s+pldl2keep)' || true)
    if [[ $prefetches == 0 ]]; then
        echo "$isa: no row is prefetched into the second-level cache"
        status=1
    fi
done
exit $status
