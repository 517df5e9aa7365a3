"""Bytes: their units, their text, and how many of them a cache holds. Python's standard library is all it needs."""
import pathlib

KIB, MIB = 1 << 10, 1 << 20


def size_text(size):
    """Whole MiB or KiB."""
    return f"{size // MIB}MiB" if size % MIB == 0 else f"{size // KIB}KiB"


def second_level_cache():
    """Of one core; 1 MiB where the system does not say."""
    for cache in pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if (cache / "level").read_text(encoding="ascii").strip() == "2":
            return int((cache / "size").read_text(encoding="ascii").strip().removesuffix("K")) * KIB
    return MIB
