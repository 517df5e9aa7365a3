"""The figures below each plot: heads and rows of a table."""
from results import family


def number(value):
    """Three digits."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def quartiles(case):
    return " to ".join(number(value) for value in case.quartiles) if case.quartiles else ""


def gigabytes(case):
    return number(case.values["bytes_per_second"] / 1e9)


def by_row(cases):
    """Cases that look rows up."""
    heads = ["case", "ns a row", "quartiles", "GB/s", "% of the limit"]
    return heads, [[case.name, number(case.values["ns_row"]), quartiles(case), gigabytes(case),
                    number(case.values["pct_limit"])] for case in cases]


def pool(cases):
    return by_row([case for case in family(cases, "pool") if case.words[-1] == "uniform"])


def skew(cases):
    return by_row([case for case in family(cases, "pool") if "zipf" in case.labels])


def sequential(cases):
    found = [case for case in family(cases, "limits") if case.words[1] == "sequential"]
    return ["memory read in order", "GB/s"], [[case.name, gigabytes(case)] for case in found]


def requests(cases):
    heads, rows = by_row(family(cases, "requests"))
    times = [number(case.values["real_ns"] / 1e3) for case in family(cases, "requests")]
    return [heads[0], "us a request", *heads[1:]], [[row[0], time, *row[1:]] for row, time in zip(rows, times)]


def scaling(cases):
    return by_row(family(cases, "scaling"))


def latency(cases):
    keys = ["p50_us", "p90_us", "p99_us", "p99_9_us", "offered_per_s", "capacity_per_s"]
    heads = ["case", "p50, us", "p90", "p99", "p99.9", "requests/s", "capacity/s"]
    return heads, [[case.name, *(number(case.values[key]) for key in keys)] for case in family(cases, "latency")]


def conversion(cases):
    found = [case for name in ("quantize", "dequantize", "convert") for case in family(cases, name)]
    return ["case", "GB/s of f32"], [[case.name, gigabytes(case)] for case in found]
