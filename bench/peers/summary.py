"""What the results come to: means, and the cells where rowpool is behind. Python's standard library is all it needs."""
import statistics

LEVEL = 0.97  # of the peer's speed; what is missing to 1 is noise


def geometric_mean(results):
    return statistics.geometric_mean(result["ratio"] for result in results)


def named_means(results):
    """Geometric means of the named kernels' ratios by format and place."""
    kernels = [result for result in results if result["case"].startswith("kernel/")]
    formats = list(dict.fromkeys(result["format"] for result in kernels))
    places = list(dict.fromkeys(result["place"] for result in kernels))
    lines = ["", "geometric means", f"{'':8}{'all':>7}" + "".join(f"{place:>7}" for place in places)]
    for format in formats:
        own = [result for result in kernels if result["format"] == format]
        cells = [own] + [[result for result in own if result["place"] == place] for place in places]
        lines.append(f"{format:8}" + "".join(f"{geometric_mean(cell):7.2f}" if cell else f"{'':7}" for cell in cells))
    return lines if kernels else []


def behind(results, line):
    """The cells where rowpool is slower than the peer by more than noise, the worst first."""
    found = sorted((result for result in results if result["ratio"] < LEVEL), key=lambda result: result["ratio"])
    return ["", f"below {LEVEL}: {len(found)} of {len(results)}", *(line(result) for result in found)]


def groups(results):
    """What each group of cases comes to, a line each: the first word of their names, and how random shapes pool."""
    own = {}
    for result in results:
        group = result["case"].split("/")[0]
        own.setdefault(group, []).append(result["ratio"])
        if group == "random":
            own.setdefault(f"random {result['pooling']}", []).append(result["ratio"])
    lines = ["", f"{'group':16} cases  geometric mean  {LEVEL} or more  smallest"]
    for name, ratios in own.items():
        share = 100 * sum(ratio >= LEVEL for ratio in ratios) / len(ratios)
        lines.append(f"{name:16} {len(ratios):5} {statistics.geometric_mean(ratios):15.2f} {share:11.1f} %"
                     f" {min(ratios):9.2f}")
    return lines


def summary(results, line):
    return behind(results, line) + named_means(results) + groups(results) if results else []
