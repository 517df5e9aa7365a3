#!/usr/bin/env bash
# check_isa_symbols.sh BUILD_DIR ISA...: the objects of each instruction set share no code with other objects.
#
# An inline function or template that is not inlined becomes a weak symbol, and the linker keeps one copy for the whole
# program: perhaps the AVX-512 one, which the baseline then runs on a CPU without it. So such an object may define nothing
# weak or unique, and exports only its table of functions, or its one function.
#
# What pools prefetches: a compiler may drop a function that does nothing else, and only benchmarks would notice.
set -eu
build=$1
shift
status=0

# check OBJECT SYMBOL
check() {
    local symbols weak exported
    symbols=$(nm -C "$1")
    weak=$(grep -E '^[0-9a-f ]+ [WwVvu] ' <<<"$symbols" | grep -v ' DW\.ref\.' || true)
    exported=$(grep -E '^[0-9a-f]+ [A-Z] ' <<<"$symbols" | grep -vE ' [UWVN] ' | cut -d' ' -f2- || true)
    if [[ -n $weak ]]; then
        echo "$1: symbols that other objects may replace:"$'\n'"$weak"
        status=1
    fi
    if [[ ! $exported =~ ^[RDT]\ $2(\(.*\))?$ || $exported == *$'\n'* ]]; then
        echo "$1: exports more or other than $2:"$'\n'"$exported"
        status=1
    fi
}

# check_prefetch OBJECT
check_prefetch() {
    if ! objdump -d --no-show-raw-insn "$1" | grep -qE '\s(prefetcht1|prfm\s+pldl2keep)'; then
        echo "$1: no row is prefetched into the second-level cache"
        status=1
    fi
}

for isa in "$@"; do
    kernels=$build/runtime/libkernels_$isa.a.p/kernels
    raw_gather=$(echo "$build"/bench/libraw_gather_"$isa".a.p/*.o)
    check "${kernels}_kernels_isa.cpp.o" "rowpool::kernels::kernels_$isa"
    check_prefetch "${kernels}_kernels_isa.cpp.o"
    check "${kernels}_quantize_isa.cpp.o" "rowpool::kernels::quantize_rows_$isa"
    check "$raw_gather" "rowpool::bench::gather_rows_$isa"
    check_prefetch "$raw_gather"
done
exit $status
