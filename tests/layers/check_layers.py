#!/usr/bin/env python3
"""Fails when a source includes what its layer must not know: the arrows of docs/ARCHITECTURE.md."""
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = ["rowpool/*"]
PLAIN_STD = ["cstddef", "cstdint", "cstring", "type_traits"]  # headers without inline functions that could clash
EXEC = PUBLIC + ["core/*", "cpu/*", "exec/*", "kernels/kernel_table.hpp", "kernels/rows.hpp",
                 "memory/replicas.hpp"]
FILE = PUBLIC + ["core/*", "file/*", "memory/*"]
# What the command and the tests use of the benchmarks.
SHARED_BENCH = ["bench/huge_buffer.hpp", "bench/other_memory.hpp", "bench/raw_gather.hpp", "bench/thread_clock.hpp",
                "bench/traffic.hpp"]
TESTED_BENCH = ["bench/models.hpp", "bench/open_loop.hpp"]
EVERYTHING = PUBLIC + ["core/*", "cpu/*", "kernels/*", "exec/*", "file/*", "memory/*"]

# The libraries under the names that docs/ARCHITECTURE.md has for them.
NAMED_LIBRARIES = {"cairo": "cairo.h", "CLI11": "CLI/*", "nlohmann-json": "nlohmann/*", "zlib": "zlib.h"}


def rooms_of_tools():
    """A rule for each room of tools/, and for a source with arrows of its own, read from the arrows of
    docs/ARCHITECTURE.md: ROOM -> PATH, PATH; LIBRARY."""
    text = re.sub(r"([,;])\n +", r"\1 ", (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8"))
    rules = []
    for room, seen, libraries in re.findall(r"^    (tools/\S+) +-> ([^;\n]+)(?:; *(.+))?$", text, re.M):
        paths = [before + name + after for before, names, after in re.findall(r"([^{, ]+)(?:{(.+?)})?(\.hpp)?", seen)
                 for name in names.split(",")]
        room, *seen = [path if path.endswith("pp") else f"{path}/" for path in [room, *paths]]
        rules.append((room, PUBLIC + [room, *seen],
                      ["std"] + [NAMED_LIBRARIES[name] for name in libraries.split(", ") if name]))
    rooms = {rule[0] for rule in rules if rule[0].endswith("/")}
    folders = {f"{path.parent.relative_to(ROOT)}/" for path in (ROOT / "tools").rglob("*.[ch]pp")}
    if folders != rooms:
        sys.exit(f"docs/ARCHITECTURE.md has arrows of {sorted(rooms)}; the rooms are {sorted(folders)}")
    return sorted(rules, key=lambda rule: rule[0].endswith("/"))  # sources before rooms


# First matching rule: source, the project headers that it may include, the libraries. "std" is any standard or
# system header without a library of its own. A pattern that ends with a slash is of what lies right in that folder.
RULES = [
    ("include/rowpool/*", PUBLIC, ["std"]),
    ("runtime/kernels/arch_*.hpp", ["core/half.hpp"], PLAIN_STD + ["xsimd/xsimd.hpp", "immintrin.h", "arm_neon.h"]),
    ("runtime/kernels/forms_*.hpp", ["kernels/*"], PLAIN_STD + ["immintrin.h"]),
    ("runtime/kernels/*", ["kernels/*", "core/half.hpp", "core/row_layout.hpp", "rowpool/types.hpp"], PLAIN_STD),
    ("runtime/core/half.hpp", [], PLAIN_STD),
    ("runtime/core/row_layout.hpp", ["rowpool/types.hpp"], PLAIN_STD),
    ("runtime/core/*", PUBLIC + ["core/*"], ["std"]),
    ("runtime/cpu/*", PUBLIC + ["core/*", "cpu/*", "kernels/kernel_table.hpp"], ["std", "cpuid.h"]),
    ("runtime/memory/*", PUBLIC + ["core/*", "memory/*"], ["std"]),
    ("runtime/file/checksum.cpp", FILE, ["std", "xxhash.h"]),
    ("runtime/file/strict_json.*", FILE, ["std", "nlohmann/*"]),
    ("runtime/file/safetensors.cpp", FILE, ["std", "nlohmann/*"]),
    ("runtime/file/table_metadata.cpp", FILE, ["std", "nlohmann/*"]),
    ("runtime/file/tuning_profile.cpp", FILE, ["std", "nlohmann/*"]),
    ("runtime/file/*", FILE, ["std"]),
    ("runtime/exec/engine.cpp", EXEC, ["std", "oneapi/tbb/*"]),
    ("runtime/exec/*", EXEC, ["std"]),
    *rooms_of_tools(),
    ("bench/*", PUBLIC + ["bench/*"], ["std", "benchmark/*", "oneapi/tbb/*"]),
    ("examples/*", PUBLIC, ["std"]),
    ("python/*", PUBLIC + ["python/*"], ["std", "nanobind/*"]),
    ("tests/unit/tools/*", PUBLIC + ["tools/*", "support/*"], ["std", "doctest/*", "nlohmann/*"]),
    ("tests/*", EVERYTHING + SHARED_BENCH + TESTED_BENCH + ["tests/*", "support/*"],
     ["std", "doctest/*", "nlohmann/*", "oneapi/tbb/*", "xxhash.h"]),
]
LIBRARIES = ["xsimd/*", "tbb/*", "oneapi/*", "nlohmann/*", "CLI/*", "doctest/*", "benchmark/*", "nanobind/*",
             "xxhash.h", "cpuid.h", "zlib.h", "cairo.h", "*intrin.h", "arm_*.h"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def matches(name, patterns):
    return any(fnmatch(name, pattern) or name.rpartition("/")[0] + "/" == pattern for pattern in patterns)


def allowed(source, quote, name, own, libraries):
    if quote == '"' and (source.parent / name).exists():  # beside the source: the same layer, named from the top
        name = f"{source.relative_to(ROOT).parts[0]}/{name}"
    if quote == '"' or name.startswith("rowpool/"):
        return matches(name, own)
    return matches(name, libraries) or ("std" in libraries and not matches(name, LIBRARIES))


def faults(source):
    path = str(source.relative_to(ROOT))
    rule = next((rule for rule in RULES if matches(path, [rule[0]])), None)
    if rule is None:
        return [f"{path}: in no layer of tests/layers/check_layers.py"]
    text = source.read_text(encoding="utf-8")
    return [f"{path}:{text.count(chr(10), 0, found.start(2)) + 1}: may not include {found[2]}"
            for found in INCLUDE.finditer(text) if not allowed(source, found[1], found[2], *rule[1:])]


def main():
    folders = ["include", "runtime", "tools", "bench", "tests", "examples", "python"]
    sources = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.[ch]pp"))
    found = [fault for source in sources for fault in faults(source)]
    print("\n".join(found) or f"{len(sources)} sources keep to their layers")
    return 1 if found or not sources else 0


sys.exit(main())
