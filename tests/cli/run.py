#!/usr/bin/env python3
"""Runs the tests of the rowpool command: run.py PATH-OF-ROWPOOL [MODULE]...; all modules if none is named. As
run.py --all MODULE... it runs nothing, and fails unless these are all.

They test the command, not the library: what it reads, writes and prints, its exit status, and that it leaves no file
behind. Python's standard library is all they need.
"""
import os
import sys
import unittest

import support


def check_all(names):
    folder = os.path.dirname(os.path.abspath(__file__))
    found = {name[:-3] for name in os.listdir(folder) if name.startswith("test_") and name.endswith(".py")}
    print("not listed:", *sorted(found.symmetric_difference(names)))
    return 1 if found != set(names) else 0


def main():
    if sys.argv[1] == "--all":
        return check_all(sys.argv[2:])
    support.ROWPOOL = os.path.abspath(sys.argv[1])
    folder = os.path.dirname(os.path.abspath(__file__))
    loader = unittest.TestLoader()
    names = sys.argv[2:]
    suite = loader.loadTestsFromNames(names) if names else loader.discover(folder, "test_*.py")
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    for test, reason in result.skipped:
        print(f"skipped {test.id()}: {reason}")
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or result.testsRun == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
