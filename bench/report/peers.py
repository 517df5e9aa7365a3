"""The comparison with peers, from the JSON file of ./dev bench --peers: its plots and its table."""
import json

from style import (FAINT, FORMATS, GREY, INK, PLACES, ROWPOOL, label_lines, log_axis, log_ticks, panels, peer_colour,
                   plt)


RATIOS = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50]
NAMED = ("numpy", "request", "latency")  # groups of the named grid beside its kernels


def read(paths):
    """The results of all files: a list of {case, isa, peer, ns_rowpool, ns_peer, ratio, q1, q3, ...}."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [{"isa": file["versions"]["isa"], **result} for file in files for result in file["results"]]


def family(results, *groups):
    """The results of these groups: the first words of their names."""
    return [result for result in results if result["case"].split("/")[0] in groups]


def kernels(results):
    """One table on one thread beside peers: the same rows and ids, timed in turns. Right of the slower one is how many
    times rowpool's time the peer's is."""
    found = family(results, "kernel")
    return dots({title: {f"{each['format']}, dim {each['dim']}": each for each in found if each["place"] == place}
                 for place, title in PLACES.items()}, width=2.5)


def others(results):
    """Whole requests, single samples and NumPy, in the same way."""
    return dots({"": {each["case"].replace("/", ", "): each for each in family(results, *NAMED)}}, width=7)


def distribution(results):
    """How many times rowpool's time the peer's is, over all random shapes of one table and over all random requests,
    from the smallest to the largest: left of where a line crosses 1, rowpool is behind."""
    isas = dict.fromkeys(result["isa"] for result in results)
    groups = {f"{title}, {isa}": [result for result in family(results, group) if result["isa"] == isa]
              for group, title in (("random", "shapes"), ("random-requests", "requests")) for isa in isas}
    groups = {title: group for title, group in groups.items() if group}
    if not groups:
        return None
    figure, axes = panels(len(groups), width=3.4, height=3.2)
    for ax, (title, group) in zip(axes, groups.items()):
        ax.set(title=f"{len(group)} random {title}", xlabel="% of them have at most this ratio", xlim=(0, 100))
        ratio_axis(ax, [result for group in groups.values() for result in group])
        by_format = {name: [result for result in group if result.get("format") == name] for name in FORMATS}
        lines = [(name, FORMATS[name], *steps(ax, own, FORMATS[name], 0.9)) for name, own in by_format.items() if own]
        label_lines(ax, lines + [("all", INK, *steps(ax, group, INK, 2.2))])
    axes[0].set_ylabel("peer / rowpool")
    return figure


def steps(ax, results, colour, width):
    """The ratios in order, over the percentage of them; the end of the line, for its label."""
    ratios = sorted(result["ratio"] for result in results)
    points = [(100 * (number + 0.5) / len(ratios), ratio) for number, ratio in enumerate(ratios)]
    ax.plot(*zip(*points), color=colour, linewidth=width)
    return points[-1]


def by_dim(results):
    """Times as fast as the peer by the columns of a row: sums of 20 rows a bag, uniform ids, by size of the table."""
    found = family(results, "dims")
    panel = dict.fromkeys((result["isa"], result["size"]) for result in found)
    if not panel:
        return None
    figure, axes = panels(len(panel), columns=3, width=3.4)
    for ax, (isa, size) in zip(axes, panel):
        ax.set(title=f"{size >> 10} KiB, {isa}" if size < 1 << 20 else f"{size >> 20} MiB, {isa}",
               xlabel="columns of a row (dim)")
        log_axis(ax.xaxis, [1, 4, 16, 64, 256, 1024])
        ratio_axis(ax, found)
        here = [result for result in found if (result["isa"], result["size"]) == (isa, size)]
        label_lines(ax, [(name, colour, *dim_line(ax, here, name, colour)) for name, colour in FORMATS.items()
                         if any(result["format"] == name for result in here)])
    for ax in axes[::3]:
        ax.set_ylabel("peer / rowpool")
    return figure


def dim_line(ax, results, format, colour):
    points = sorted((result["dim"], result["ratio"]) for result in results if result["format"] == format)
    ax.plot(*zip(*points), "o-", color=colour, markersize=2, linewidth=1)
    return points[-1]


def ratio_axis(ax, results):
    """Logarithmic, with a line where both sides are equally fast."""
    low, high = (end(result["ratio"] for result in results) for end in (min, max))
    low, high = min(low / 1.1, 0.9), max(high * 1.1, 1.2)
    log_axis(ax.yaxis, [ratio for ratio in RATIOS if low <= ratio <= high])
    ax.set_ylim(low, high)
    ax.axhline(1, color=GREY, linewidth=1, linestyle="--")


def dots(groups, width):
    """A plot a group that is not empty: a pair of dots a result, named at the left."""
    groups = {title: group for title, group in groups.items() if group}
    if not groups:
        return None
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    peers = sorted({result["peer"] for group in groups.values() for result in group.values()})
    figure, axes = panels(len(groups), columns=5, width=width, height=1.1 + 0.19 * len(names))
    for ax, (title, group) in zip(axes, groups.items()):
        ax.set(title=title, xlabel="ns a row", ylim=(len(names) - 0.5, -0.5))
        ax.set_yticks(range(len(names)), names)
        ends = [result[key] for result in group.values() for key in ("ns_rowpool", "ns_peer")]
        log_axis(ax.xaxis, log_ticks(min(ends) / 1.2, max(ends) * 1.2))
        ax.set_xlim(min(ends) / 1.2, max(ends) * 1.2)
        for name, result in group.items():
            draw_pair(ax, names.index(name), result, peer_colour(result["peer"], peers))
    legend(figure, peers)
    return figure


def draw_pair(ax, height, result, colour):
    ends = result["ns_rowpool"], result["ns_peer"]
    ax.plot(ends, (height, height), color=FAINT, linewidth=2, zorder=1)
    ax.plot(ends[1], height, "o", color=colour, markersize=5)
    ax.plot(ends[0], height, "o", color=ROWPOOL, markersize=5)
    ax.annotate(f"{result['ratio']:.2f}x", (max(ends), height), xytext=(5, 0), textcoords="offset points", va="center",
                fontsize=7, color=GREY)


def legend(figure, peers):
    """The colours by name, above the plots."""
    entries = [("rowpool", ROWPOOL)] + [(peer, peer_colour(peer, peers)) for peer in peers]
    handles = [plt.Line2D([], [], linestyle="", marker="o", color=colour, label=name) for name, colour in entries]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), frameon=False, handletextpad=0.1,
                  columnspacing=1)


def table(results):
    """Heads and rows of the table."""
    heads = ["case", "peer", "ns a row, rowpool", "ns a row, peer", "peer / rowpool", "quartiles"]
    return heads, [[each["case"], each["peer"], f"{each['ns_rowpool']:.2f}", f"{each['ns_peer']:.2f}",
                    f"{each['ratio']:.2f}", f"{each['q1']:.2f} to {each['q3']:.2f}"] for each in results]


# File of the plot, plot.
PLOTS = [("peers", kernels), ("peers_requests", others), ("peers_random", distribution), ("peers_dims", by_dim)]
