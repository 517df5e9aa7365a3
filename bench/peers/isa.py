"""Which instruction set each side runs, and how both are made to run the same one."""
import ctypes
import importlib.util
import pathlib

import rowpool
import torch

# FBGEMM's inst_set_t, by its numbers.
FBGEMM_NAMES = ["generic", "avx2", "avx512", "avx512_ymm", "avx512_vnni", "avx512_vnni_ymm"]
# What PyTorch's own loops call those that both sides have.
ATEN_NAMES = {"generic": "default", "avx2": "avx2", "avx512": "avx512"}
ISAS = list(ATEN_NAMES)


def environment(isa):
    """What rowpool and PyTorch read when they start."""
    return {"ROWPOOL_ISA": isa, "ATEN_CPU_CAPABILITY": ATEN_NAMES[isa]} if isa else {}


def fbgemm_libraries():
    """The copy inside PyTorch, and that of table batched embeddings."""
    gpu = pathlib.Path(importlib.util.find_spec("fbgemm_gpu").origin).parent
    return [ctypes.CDLL(pathlib.Path(torch.__file__).parent / "lib/libtorch_cpu.so"), ctypes.CDLL(gpu / "fbgemm.so")]


def fbgemm_isa(library):
    return FBGEMM_NAMES[library._ZN6fbgemm20fbgemmInstructionSetEv()]


def force_fbgemm(isa):
    """Before its first operator, whose kernels it keeps. It has no way to be without AVX2 on a CPU that has it. What
    the CPU lacks it ignores."""
    if isa != "avx512":
        hide_avx512()
    for library in fbgemm_libraries():
        library._ZN6fbgemm14fbgemmForceIsaENS_10inst_set_tE(FBGEMM_NAMES.index(isa))
        if isa != "generic" and fbgemm_isa(library) != isa:
            raise SystemExit(f"--isa {isa}: FBGEMM runs {fbgemm_isa(library)}")


def hide_avx512():
    """FBGEMM's kernels for codes of 4 and 2 bits do not ask what was forced, but what cpuinfo has found in the CPU: of
    its flags, one to a byte, the first one that they depend on is cleared."""
    cpuinfo = ctypes.CDLL(pathlib.Path(torch.__file__).parent / "lib/libc10.so")
    cpuinfo.cpuinfo_initialize()
    if not has_avx512():
        return
    flags = (ctypes.c_bool * 64).in_dll(cpuinfo, "cpuinfo_isa")
    for number, was_set in enumerate(flags):
        flags[number] = False
        if not has_avx512():
            return
        flags[number] = was_set
    raise SystemExit("FBGEMM's kernels for codes of 4 bits would run AVX-512: no flag of cpuinfo stops them")


def has_avx512():
    """Whether FBGEMM's kernels for codes of 4 and 2 bits use AVX-512."""
    return any(library._ZN6fbgemm22fbgemmHasAvx512SupportEv() & 0xff for library in fbgemm_libraries())  # a C++ bool


def running():
    """What rowpool, FBGEMM's kernels and PyTorch's own loops use."""
    return {"isa": rowpool.active_isa(), "fbgemm-isa": fbgemm_isa(fbgemm_libraries()[0]),
            "torch-isa": torch.backends.cpu.get_cpu_capability().lower()}
