#!/usr/bin/env python3
"""check_exports.py LIST LIBRARY: fails when a library exports what is not public.

LIST has the names of the public functions, without arguments; a new one is added there. Inline functions of public
classes may be exported by their objects, or not: any of a class in the list are allowed."""
import re
import subprocess
import sys
from pathlib import Path


def exported(library):
    """Type and name without arguments of each symbol."""
    lines = subprocess.run(["nm", "-DC", "--defined-only", library], check=True, text=True, stdout=subprocess.PIPE).stdout
    for line in lines.splitlines():
        kind, symbol = re.fullmatch(r"[0-9a-f]* *(\w) (.*)", line).groups()
        yield kind, symbol.split("(")[0].split("[abi:")[0]


def main():
    allowed = set(Path(sys.argv[1]).read_text(encoding="utf-8").split("\n")) - {""}
    classes = {name.rpartition("::")[0] for name in allowed} - {"rowpool", "rowpool::train"}
    found = list(exported(sys.argv[2]))
    wrong = sorted({name for kind, name in found
                    if name not in allowed and not (kind in "WVu" and name.rpartition("::")[0] in classes)})
    missing = sorted(allowed - {name for _, name in found})
    for name in wrong:
        print(f"exported, but not public: {name}")
    for name in missing:
        print(f"public, but not exported: {name}")
    print(f"{len(found)} symbols exported")
    return 1 if wrong or missing or not found else 0


sys.exit(main())
