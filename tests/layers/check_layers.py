#!/usr/bin/env python3
"""Fails when a source includes what its folder must not know: the arrows of docs/ARCHITECTURE.md, which it reads there.

An arrow is a line `    ROOM -> NAME, NAME` or `    ROOM => NAME, NAME`, which goes on after a comma at its end. ROOM is
a folder, without the folders in it, or a source or pattern of sources, whose arrow goes before that of their folder. A
NAME is a folder, a header, a library or the word "nothing"; {a,b} stands for both. What `->` names may be included
beside the standard library, the public headers and the room itself; where `=>` stands, what it names is all.
"""
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ["include", "runtime", "training", "tools", "bench", "tests", "examples", "python"]
INCLUDE_PATH = ["include", "runtime", "."]
# Names of libraries in the arrows, and their headers.
LIBRARIES = {
    "cairo": ["cairo.h"], "CLI11": ["CLI/*"], "doctest": ["doctest/*"], "Google Benchmark": ["benchmark/*"],
    "nanobind": ["nanobind/*"], "nlohmann-json": ["nlohmann/*"], "oneTBB": ["oneapi/*", "tbb/*"], "xsimd": ["xsimd/*"],
    "xxHash": ["xxhash.h"], "zlib": ["zlib.h"], "intrinsics": ["*intrin.h", "arm_*.h"], "cpuid": ["cpuid.h"],
    # headers without inline functions that could clash
    "plain headers": ["cstddef", "cstdint", "cstring", "type_traits"],
}
ARROW = re.compile(r"^    (\S+) +([-=]>) (.+)$", re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def is_file(name):
    return name.endswith("pp") or "*" in name


def expanded(names):
    """NAME, BEFORE{A,B}AFTER -> NAME, BEFOREAAFTER, BEFOREBAFTER."""
    for before, choices, after in re.findall(r"([^,{ ][^,{]*)?(?:\{(.+?)\}([^,]*))?(?:, *|$)", names):
        yield from (before + choice + after for choice in choices.split(",")) if choices else filter(None, [before])


class Arrow:
    def __init__(self, room, kind, names):
        self.room = room
        self.paths, self.headers = [room], []
        for name in expanded(names):
            if name in LIBRARIES:
                self.headers += LIBRARIES[name]
            elif "*" in name or (ROOT / name).exists():
                self.paths.append(name)
            elif name != "nothing":
                sys.exit(f"docs/ARCHITECTURE.md: {room} names {name}, which is nothing of the project")
        self.is_all = kind == "=>"
        if not self.is_all:
            self.paths.append("include/rowpool")

    def allows_path(self, path):
        return any(fnmatch(path, name) if is_file(name) else str(Path(path).parent) == name for name in self.paths)

    def allows_header(self, name):
        if any(fnmatch(name, header) for header in self.headers):
            return True
        of_library = any(fnmatch(name, header) for headers in LIBRARIES.values() for header in headers
                         if header not in LIBRARIES["plain headers"])
        return not self.is_all and not of_library


def read_arrows():
    text = re.sub(r",\n +", ", ", (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8"))
    return [Arrow(*found) for found in ARROW.findall(text)]


def arrow_of(path, arrows):
    def applies(arrow):
        return fnmatch(path, arrow.room) if is_file(arrow.room) else str(Path(path).parent) == arrow.room
    return min(filter(applies, arrows), key=lambda arrow: not is_file(arrow.room), default=None)


def resolved(name):
    """The project's file that a name stands for, from the top; nothing when it is no file of the project."""
    return next((str(Path(base, name)) for base in INCLUDE_PATH if (ROOT / base / name).is_file()), None)


def faults(source, arrows, used):
    path = str(source.relative_to(ROOT))
    arrow = arrow_of(path, arrows)
    if arrow is None:
        return [f"{path}: docs/ARCHITECTURE.md has no arrow for its folder"]
    used.add(arrow)
    text = source.read_text(encoding="utf-8")
    found = []
    for include in INCLUDE.finditer(text):
        quote, name = include.groups()
        target = resolved(name)
        if not (arrow.allows_path(target) if target else quote == "<" and arrow.allows_header(name)):
            found.append(f"{path}:{text.count(chr(10), 0, include.start(2)) + 1}: may not include {name}")
    return found


def main():
    arrows, used = read_arrows(), set()
    sources = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.[ch]pp"))
    found = [fault for source in sources for fault in faults(source, arrows, used)]
    found += [f"docs/ARCHITECTURE.md: {arrow.room} holds no source" for arrow in arrows if arrow not in used]
    print("\n".join(found) or f"{len(sources)} sources keep to {len(arrows)} arrows")
    return 1 if found or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
