#!/usr/bin/env bash
# check_isa_symbols.sh BUILD_DIR ISA...: the objects of each instruction set share no code with other objects.
#
# An inline function or template that is not inlined becomes a weak symbol, and the linker keeps one copy for the whole
# program: perhaps the AVX-512 one, which the baseline then runs on a CPU without it. So such an object may define nothing
# weak or unique, and exports only what is named here.
#
# What pools prefetches: a compiler may drop a function that does nothing else, and only benchmarks would notice.
set -eu
build=$1
shift
status=0

# check OBJECT SYMBOL...
check() {
    local object=$1 symbols weak exported wanted
    shift
    symbols=$(nm -C "$object")
    weak=$(grep -E '^[0-9a-f ]+ [WwVvu] ' <<<"$symbols" | grep -v ' DW\.ref\.' || true)
    exported=$(sed -nE 's/^[0-9a-f]+ [RDT] ([^(]*).*/\1/p' <<<"$symbols" | sort)
    wanted=$(printf '%s\n' "$@" | sort)
    if [[ -n $weak ]]; then
        echo "$object: symbols that other objects may replace:"$'\n'"$weak"
        status=1
    fi
    if [[ $exported != "$wanted" ]]; then
        echo "$object: exports other than $*:"$'\n'"$exported"
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
    names=rowpool::kernels::kernels
    raw_gather=$(echo "$build"/bench/libraw_gather_"$isa".a.p/*.o)
    check "${kernels}_kernels_isa.cpp.o" "${names}_$isa"
    for codec in f32 f16 bf16 int8_f32 int8_f16 int4 int2; do
        pooling=$build/runtime/libkernels_${isa}_$codec.a.p/kernels_pooling_codec_isa.cpp.o
        check "$pooling" "${names}_${codec}_$isa"
        check_prefetch "$pooling"
    done
    check "${kernels}_quantization_quantize_isa.cpp.o" "rowpool::kernels::quantize_rows_$isa"
    check "$build/training/libtraining_kernels_$isa.a.p/kernels_training_isa.cpp.o" \
        "rowpool::train::kernels::training_kernels_$isa"
    check "$raw_gather" "rowpool::bench::gather_rows_$isa"
    check_prefetch "$raw_gather"
done
exit $status
