"""The plots of the report, one function each; every one returns a figure, or None when its cases are missing."""
from results import family
from style import FORMATS, GREY, LINES, PLACES, ROWPOOL, label_lines, log_axis, log_values, panels, plain

PERCENTILES = {"p50": ("p50_us", "#0b5394"), "p90": ("p90_us", "#5b9bd5"), "p99": ("p99_us", "#e07b00"),
               "p99.9": ("p99_9_us", "#d1495b")}


def series(cases, label, key, unit=1.0):
    """Points of a line: (value of the label, figure), in order."""
    return sorted((float(case.labels[label]), case.values[key] * unit) for case in cases)


def draw(ax, points, colour, style="-", marker="o"):
    """Draws a line; its end, for its label."""
    ax.plot(*zip(*points), style, color=colour, marker=marker)
    return points[-1]


def uniform_sums(cases):
    """Sums of 20 rows a bag at uniform ids, by place."""
    found = [case for case in family(cases, "pool") if case.words[-1] == "uniform" and case.labels["bag"] == "20"]
    places = [place for place in PLACES if any(case.words[2] == place for case in found)]
    return {place: [case for case in found if case.words[2] == place] for place in places}


def by_dim(cases, key, what, decorate):
    """A plot a place: the figure by dim, a line a format."""
    places = uniform_sums(cases)
    if not places:
        return None
    figure, axes = panels(len(places))
    for ax, (place, here) in zip(axes, places.items()):
        ax.set(title=PLACES[place], xlabel="columns of a row (dim)")
        log_axis(ax.xaxis, sorted({float(case.labels["dim"]) for case in here}))
        decorate(ax, [case.values[key] for group in places.values() for case in group])
        formats = [(name, colour, [case for case in here if case.words[1] == name]) for name, colour in FORMATS.items()]
        label_lines(ax, [(name, colour, *draw(ax, series(group, "dim", key), colour))
                         for name, colour, group in formats if group])
    axes[0].set_ylabel(what)
    return figure


def speed(cases):
    """Sums of 20 rows a bag on one thread, uniform ids: time a row."""
    return by_dim(cases, "ns_row", "ns a row", log_values)


def percent_of_limit(cases):
    """The same as a part of what a raw gather of the same rows reaches, which decodes nothing."""
    def decorate(ax, values):
        ax.set_ylim(0, 1.05 * max(100, *values))
        ax.axhline(100, color=GREY, linewidth=1, linestyle="--")
    return by_dim(cases, "pct_limit", "% of a raw gather's speed", decorate)


def skew(cases):
    """int8 sums by how skewed ids are: frequent rows stay in caches."""
    places = "L3", "DRAM"
    found = [case for case in family(cases, "pool")
             if case.words[1] == "int8" and case.labels["bag"] == "20" and case.words[2] in places]
    laws = sorted({float(case.labels.get("zipf", 0)) for case in found})
    if len(laws) < 2:
        return None
    figure, axes = panels(len(places), width=3.2)
    for ax, place in zip(axes, places):
        ax.set(title=PLACES[place], xlabel="exponent of Zipf's law over the ids")
        ax.set_xticks(range(len(laws)), ["uniform" if law == 0 else f"{law:g}" for law in laws])
        log_values(ax, [case.values["ns_row"] for case in found])
        lines = []
        for colour, dim in zip(LINES, sorted({int(case.labels["dim"]) for case in found})):
            points = sorted((laws.index(float(case.labels.get("zipf", 0))), case.values["ns_row"])
                            for case in found if case.words[2] == place and int(case.labels["dim"]) == dim)
            lines.append((f"dim {dim}", colour, *draw(ax, points, colour)))
        label_lines(ax, lines)
    axes[0].set_ylabel("ns a row")
    return figure


def one_and_all(ax, cases, label):
    """Time a row by a label: on one thread, dashed, and on all."""
    lines = []
    for threads, name, style in (("1", "1 thread", "--"), ("all", "all threads", "-")):
        here = [case for case in cases if case.labels["threads"] == threads]
        lines.append((name, ROWPOOL, *draw(ax, series(here, label, "ns_row"), ROWPOOL, style)))
    label_lines(ax, lines)


def requests(cases):
    """Whole requests to published models, int8 rows: time a row by batch."""
    found = family(cases, "requests")
    models = list(dict.fromkeys((case.words[1], case.labels["rows"]) for case in found))
    if not models:
        return None
    figure, axes = panels(len(models), columns=3, width=3.1)
    for ax, (model, rows) in zip(axes, models):
        ax.set(title=f"{model}\nup to {plain(float(rows))} rows a table", xlabel="batch")
        log_axis(ax.xaxis, sorted({float(case.labels["batch"]) for case in found}))
        log_values(ax, [case.values["ns_row"] for case in found])
        one_and_all(ax, [case for case in found if (case.words[1], case.labels["rows"]) == (model, rows)], "batch")
    for ax in axes[::3]:
        ax.set_ylabel("ns a row")
    return figure


def latency(cases):
    """Single requests that arrive at random under callers that share one engine, from when each was due to its answer:
    what half, 90, 99 and 99.9 percent of them do not exceed."""
    found = family(cases, "latency")
    if not found:
        return None
    found = [case for case in found if case.words[1:] == found[0].words[1:] and
             (case.labels["rows"], case.labels["batch"]) == (found[0].labels["rows"], found[0].labels["batch"])]
    callers = sorted({int(case.labels["callers"]) for case in found})
    figure, axes = panels(len(callers))
    for ax, count in zip(axes, callers):
        ax.set(title=f"{count} caller{'s' if count > 1 else ''}", xlabel="load, % of what one caller gets done")
        ax.set_xticks(sorted({float(case.labels["load"]) for case in found}))
        log_values(ax, [case.values[key] / 1e3 for case in found for key, _ in PERCENTILES.values()])
        here = [case for case in found if int(case.labels["callers"]) == count]
        label_lines(ax, [(name, colour, *draw(ax, series(here, "load", key, 1e-3), colour))
                         for name, (key, colour) in PERCENTILES.items()])
    axes[0].set_ylabel("latency, milliseconds")
    return figure


SCALES = {"threads": "threads", "table_mib": "size of the table, MiB", "lookups": "lookups in a call",
          "tables": "tables that share 200k lookups"}


def along(cases, scale):
    """The cases of one scale; that of threads has its name as a word, too."""
    if scale == "threads":
        return [case for case in cases if "threads" in case.words]
    return [case for case in cases if scale in case.labels]


def limit(case):
    """Time a row of the raw gather."""
    return case.values["ns_row"] * case.values["pct_limit"] / 100


def scaling(cases):
    """Time a row of int8 rows with 64 columns, 20 uniform ids a bag. Dotted: the raw gather of the same rows on as many
    threads."""
    found = family(cases, "scaling")
    if not found:
        return None
    figure, axes = panels(len(SCALES), width=2.8)
    for ax, (scale, what) in zip(axes, SCALES.items()):
        ax.set(title=f"by {scale.replace('_mib', ' size')}", xlabel=what)
        ticks = sorted({float(case.labels[scale]) for case in along(found, scale)})
        log_axis(ax.xaxis, ticks if len(ticks) < 7 else ticks[::2])
        log_values(ax, [value for case in found for value in (case.values["ns_row"], limit(case))])
        draw_scale(ax, along(found, scale), scale)
    axes[0].set_ylabel("ns a row")
    return figure


def draw_scale(ax, cases, scale):
    """With the limit where there is one line, else without."""
    if scale not in ("threads", "table_mib"):
        one_and_all(ax, cases, scale)
        return
    limits = sorted((float(case.labels[scale]), limit(case)) for case in cases)
    label_lines(ax, [("rowpool", ROWPOOL, *draw(ax, series(cases, scale, "ns_row"), ROWPOOL)),
                     ("raw gather", GREY, *draw(ax, limits, GREY, ":", None))])


def conversion(cases):
    """From f32 to each format and back, 64 columns, and to a table file that is synced and checked."""
    found = [case for name in ("quantize", "dequantize", "convert") for case in family(cases, name)]
    if not found:
        return None
    groups = {"quantize, 1 thread": ("quantize", "1"), "quantize, all threads": ("quantize", "all"),
              "dequantize, 1 thread": ("dequantize", None), "table file, all threads": ("convert", "all")}
    formats = list(dict.fromkeys(case.words[1] for case in found))
    figure, axes = panels(len(groups), height=0.9 + 0.22 * len(formats))
    for ax, (title, (name, threads)) in zip(axes, groups.items()):
        here = [case for case in found if case.words[0] == name and case.labels.get("threads") == threads]
        speeds = [case.values["bytes_per_second"] / 1e9 for case in here]
        bars = ax.barh([formats.index(case.words[1]) for case in here], speeds, color=ROWPOOL, height=0.65)
        ax.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
        ax.set(title=title, xlabel="GB/s of f32", ylim=(len(formats) - 0.4, -0.6))
        ax.set_yticks(range(len(formats)), formats)
        ax.margins(x=0.18)
        ax.grid(axis="y", visible=False)
    return figure
