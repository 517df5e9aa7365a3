"""What all plots have in common: colours, axes, labels beside lines."""
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import NullFormatter, NullLocator  # noqa: E402

INK, GREY, FAINT = "#222222", "#777777", "#dddddd"
ROWPOOL = "#0b5394"
FORMATS = {"int8": "#0b5394", "int4": "#d1495b", "f16": "#2e8b57", "bf16": "#8e6bbf", "f32": "#555555"}
PEERS = {"torch": "#e07b00", "tbe": "#2e8b57", "tbe-module": "#7fb069", "numpy": "#999999"}
OTHER_PEERS = ["#8e6bbf", "#a0522d", "#c2185b", "#17818c"]
LINES = ["#0b5394", "#d1495b", "#2e8b57", "#8e6bbf", "#e07b00", "#555555"]
# Names of places, in the suite and beside peers, and their titles.
PLACES = {"L1": "L1: 32 KiB", "L2": "L2: 512 KiB", "L3": "L3: 16 MiB", "DRAM": "memory: 256 MiB",
          "DRAM4G": "memory: 4 GiB", "4GiB": "memory: 4 GiB"}

plt.rcParams.update({
    "font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.edgecolor": GREY, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": FAINT,
    "grid.linewidth": 0.6, "axes.axisbelow": True, "lines.linewidth": 1.6, "lines.markersize": 4,
    "figure.dpi": 150, "savefig.facecolor": "white", "figure.constrained_layout.use": True})


def peer_colour(peer, peers):
    """A known peer has always the same colour; another one the next that is free."""
    unknown = sorted(set(peers) - PEERS.keys())
    return PEERS.get(peer) or OTHER_PEERS[unknown.index(peer) % len(OTHER_PEERS)]


def plain(value):
    """12000 as 12k, 2048 as it is."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size and value % (size / 10) == 0:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def log_axis(axis, ticks):
    """Makes an axis logarithmic with just these ticks."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_ticks(ticks, [plain(tick) for tick in ticks])
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def log_ticks(low, high):
    """1, 2, 5, 10 and so on that lie between; fewer when the range is wide."""
    steps = (1, 2, 5) if high / low < 300 else (1,)
    ticks = [step * 10.0**power for power in range(-3, 13) for step in steps]
    return [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]


def log_values(ax, values):
    """A logarithmic vertical axis that holds the values, with ticks at plain numbers."""
    low, high = min(values) / 1.25, max(values) * 1.25
    log_axis(ax.yaxis, log_ticks(low, high))
    ax.set_ylim(low, high)


def spread(positions, gap):
    """The positions, in the same order and moved as little as it takes for neighbours to be `gap` apart."""
    order = sorted(range(len(positions)), key=positions.__getitem__)
    groups = []  # of labels that touch: sum of positions less their offsets, how many
    for index in order:
        groups.append([positions[index], 1])
        while len(groups) > 1 and middle(groups[-1]) - middle(groups[-2]) < gap * (groups[-1][1] + groups[-2][1]) / 2:
            total, count = groups.pop()
            groups[-1] = [groups[-1][0] + total, groups[-1][1] + count]
    moved = [middle(group) + gap * (i - (group[1] - 1) / 2) for group in groups for i in range(group[1])]
    placed = dict(zip(order, moved))
    return [placed[index] for index in range(len(positions))]


def middle(group):
    return group[0] / group[1]


def label_lines(ax, lines, gap=0.055):
    """Writes the name of each line, given as (name, colour, last x, last y), at the right of its end; none hides
    another."""
    ax.autoscale_view()
    heights = [ax.transAxes.inverted().transform(ax.transData.transform((x, y)))[1] for _, _, x, y in lines]
    heights = spread(heights, gap)
    above = max(0, max(heights, default=0) - 0.97)
    for (name, colour, _, _), height in zip(lines, heights):
        ax.annotate(name, (1, height - above), xycoords="axes fraction", xytext=(2, 0), textcoords="offset points",
                    va="center", color=colour, fontsize=8)


def panels(count, columns=4, width=2.6, height=2.9):
    """Plots side by side, in rows of so many, that share their vertical axis."""
    columns = min(columns, count)
    rows = -(-count // columns)
    size = width * columns + 0.8, height * rows
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, sharey=True)
    axes = list(grid.flat)
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]
