"""The comparison with peers as the tables of docs/BENCHMARKS.md: what is behind first, then each grid. Python's
standard library is all it needs."""
import statistics

from results import parse_name

LEVEL = 0.97  # of the peer's speed; what is missing to 1 is noise

# Group, title, and what a line, a column and the figures of a cell stand for: labels of a case's name, or positions of
# its words.
GRIDS = [
    ("dims", "By dim", ["dim"], [1], [2]),
    ("short", "Short bags", [2, "bag"], [1], ["dim"]),
    ("lookup", "Plain lookups", [1, 2], [3], ["dim"]),
    ("batches", "By batch", [2, "batch"], [1], ["dim"]),
    ("overwritten", "Overwritten caches", ["dim"], [1], [2]),
    ("requests", "Requests of 26 tables", [1, "dim"], ["bag"], ["batch"]),
    ("zentorch", "zentorch", ["bag", "dim"], [1], [2]),
    ("zentorch-requests", "zentorch, DLRM-DCNv2", [0], [1], ["batch"]),
    ("others", "Other libraries", [1], [3], ["dim"]),
]


def group_of(result):
    return result["case"].split("/")[0]


def isa_of(result):
    return result["isa"]


def by_isa(results):
    """The results of each instruction set."""
    return {isa: [result for result in results if result["isa"] == isa]
            for isa in dict.fromkeys(result["isa"] for result in results)}


def markdown(heads, rows):
    return ["| " + " | ".join(map(str, row)) + " |" for row in (heads, ["---"] * len(heads), *rows)]


def summary(results):
    """How many there are, their geometric mean, the share at the peer's speed, and the smallest."""
    ratios = [result["ratio"] for result in results]
    share = 100 * sum(ratio >= LEVEL for ratio in ratios) / len(ratios)
    return len(ratios), f"{statistics.geometric_mean(ratios):.2f}", f"{share:.1f} %", f"{min(ratios):.2f}"


def overview(results, *by):
    """A line for each group that these functions of a result make."""
    groups = {}
    for result in results:
        groups.setdefault(tuple(name(result) for name in by), []).append(result)
    heads = ("cases", "isa", "how many", "geometric mean", f"{LEVEL} or more", "smallest")
    return markdown(heads, [(*names, *summary(own)) for names, own in groups.items()])


def behind(results):
    """The cells where rowpool is slower by more than noise, the worst first."""
    found = sorted((result for result in results if result["ratio"] < LEVEL), key=lambda result: result["ratio"])
    return markdown(("case", "isa", "times as fast", "quartiles", "ns a row, rowpool / peer"),
                    [(f"`{each['case']}`", each["isa"], f"{each['ratio']:.2f}", f"{each['q1']:.2f}-{each['q3']:.2f}",
                      f"{each['ns_rowpool']:.1f} / {each['ns_peer']:.1f}") for each in found])


def key(result, parts):
    """What the name of a case says of these parts."""
    words, labels = parse_name(result["case"])
    return ", ".join(f"{part} {labels[part]}" if isinstance(part, str) else words[part] for part in parts)


def pivot(results, line, column, inner):
    """A table of ratios, whose caption names the figures that stand together in a cell."""
    cells, columns, order = {}, {}, {}
    for result in results:
        columns[key(result, column)] = order[key(result, inner)] = None
        cell = cells.setdefault(key(result, line), {}).setdefault(key(result, column), {})
        cell[key(result, inner)] = f"{result['ratio']:.2f}"

    def figures(cell):
        return " / ".join(cell.get(name, "-") for name in order) if cell else ""

    rows = [(name, *(figures(row.get(head)) for head in columns)) for name, row in cells.items()]
    return [f"Figures of a cell: {' / '.join(order)}.", "", *markdown(("", *columns), rows)]


def text(results):
    """All of it."""
    shapes = [result for result in results if group_of(result) == "random"]
    lines = ["### All groups", "", *overview(results, group_of, isa_of), "", "### Random shapes", "",
             *overview(shapes, lambda shape: shape["format"], isa_of), "",
             *overview(shapes, lambda shape: shape["pooling"], isa_of), "", "### Behind", "", *behind(results)]
    for group, title, *parts in GRIDS:
        for isa, own in by_isa([result for result in results if group_of(result) == group]).items():
            lines += ["", f"### {title}, {isa}", "", *pivot(own, *parts)]
    return "\n".join(lines) + "\n"
