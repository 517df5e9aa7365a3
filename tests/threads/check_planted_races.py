#!/usr/bin/env python3
"""Fails unless the thread sanitizer finds each planted race and names its variable: check_planted_races.py PROGRAM."""
import subprocess
import sys


def main():
    for where in ("pool", "arena", "handed"):
        done = subprocess.run([sys.argv[1], where], capture_output=True, text=True, timeout=60)
        if done.returncode != 66 or "data race" not in done.stderr or "racing" not in done.stderr:
            sys.exit(f"the race in the {where} was not found: status {done.returncode}\n{done.stderr}")
        print(f"{where}: found")


if __name__ == "__main__":
    main()
