"""The comparison with peers, from the JSON file of ./dev bench --peers: its plots and its table."""
import json

from style import FAINT, GREY, PLACES, ROWPOOL, log_axis, log_ticks, panels, peer_colour, plt


def read(path):
    """The results: a list of {case, peer, ns_rowpool, ns_peer, ratio, q1, q3, ...}."""
    return json.loads(path.read_text(encoding="utf-8"))["results"]


def is_kernel(result):
    return result["case"].startswith("kernel/")


def kernels(results):
    """One table on one thread beside peers: the same rows and ids, timed in turns. Right of the slower one is how many
    times rowpool's time the peer's is."""
    found = [result for result in results if is_kernel(result)]
    return dots({title: {f"{each['format']}, dim {each['dim']}": each for each in found if each["place"] == place}
                 for place, title in PLACES.items()}, width=2.5)


def others(results):
    """Whole requests, single samples and NumPy, in the same way."""
    return dots({"": {each["case"].replace("/", ", "): each for each in results if not is_kernel(each)}}, width=7)


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
