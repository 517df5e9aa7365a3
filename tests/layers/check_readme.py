#!/usr/bin/env python3
"""check_readme.py README PROGRAM: the first C++ block of the README is the program, byte for byte."""
import re
import sys

readme, program = (open(path, encoding="utf-8").read() for path in sys.argv[1:])
block = re.search(r"^```cpp\n(.*?)^```$", readme, re.M | re.S)
if block is None or block[1] != program:
    sys.exit(f"the C++ program in {sys.argv[1]} is not {sys.argv[2]}")
