#!/usr/bin/env python3
"""Fails when two sources define types of one name in one namespace, which linkers take for the same type.

Types of anonymous namespaces are their source's own. Programs of their own (tests, examples, the suite) may share names
with each other, yet none does.
"""
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ["include", "runtime", "training", "tools", "bench", "tests", "examples", "python"]
OPENS = re.compile(r"namespace ([\w:]*)\s*\{")
CLOSES = re.compile(r"\}\s+// namespace")
TYPE = re.compile(r"(?:template\b.*> )?(?:struct|class|union|enum(?: class)?) (?:[A-Z_]+ |\[\[\w+\]\] |alignas\(\w+\) )*"
                  r"(\w+)(?: final)?(?: : [^;{]+)? \{")
assert TYPE.match("enum class X : std::uint8_t { a };") and TYPE.match("class ROWPOOL_API X final : public a::B {")


def named_types(source):
    """The types that a source defines outside of other types and of anonymous namespaces."""
    inside = []
    for line in source.read_text(encoding="ascii").splitlines():
        if opened := OPENS.match(line):
            inside.append(opened[1])
        elif CLOSES.match(line):
            inside.pop()
        elif (found := TYPE.match(line)) and "" not in inside:
            yield "::".join([*inside, found[1]])


def main():
    sources = defaultdict(set)
    for folder in FOLDERS:
        for source in sorted((ROOT / folder).rglob("*.[ch]pp")):
            for name in named_types(source):
                sources[name].add(str(source.relative_to(ROOT)))
    twice = {name: where for name, where in sources.items() if len(where) > 1}
    for name, where in twice.items():
        print(f"{name} is defined in {' and '.join(sorted(where))}")
    print(f"{len(sources)} types")
    return 1 if twice or len(sources) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
