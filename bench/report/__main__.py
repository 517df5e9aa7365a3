"""Runs the benchmarks and shows them: plots as PNG files, and one HTML page that holds them, the figures, and what they
were measured on. ./dev bench --report builds the suite and runs this."""
import argparse
import pathlib
import subprocess
import sys
import time

import page
import peers
import plots
import results
import tables

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build-bench/bench/rowpool_bench"
PEERS = ROOT / ".cache/peers.json"

# File of the plot, title, plot, cases of the table below it.
PARTS = [
    ("speed", "Speed by dim and format", plots.speed, tables.pool),
    ("limit", "Percent of the limit", plots.percent_of_limit, tables.sequential),
    ("skew", "Skewed ids", plots.skew, tables.skew),
    ("requests", "Whole requests", plots.requests, tables.requests),
    ("latency", "Latency", plots.latency, tables.latency),
    ("scaling", "Scaling", plots.scaling, tables.scaling),
    ("conversion", "Conversion", plots.conversion, tables.conversion),
]


def parse_options():
    parser = argparse.ArgumentParser(prog="./dev bench --report", description=__doc__)
    parser.add_argument("folder", metavar="OUTDIR", nargs="?", type=pathlib.Path, default=ROOT / "build-bench/report")
    parser.add_argument("--peers-json", metavar="FILE", nargs="+", type=pathlib.Path,
                        default=[PEERS] if PEERS.exists() else [],
                        help="what ./dev bench --peers --json wrote; by default .cache/peers.json, if there is one")
    parser.add_argument("--redraw", action="store_true", help="measure nothing: draw the JSON files that are in OUTDIR")
    parser.add_argument("--quick", action="store_true", help="measure each case for a moment: to see that it works")
    options = parser.parse_args()
    for path in options.peers_json:
        if not path.is_file():
            parser.error(f"--peers-json {path}: no such file")
    return options


def git(*arguments):
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def measure(options):
    """Runs all sections into the folder; their JSON files."""
    extra = [f"--benchmark_context=commit={git('describe', '--always', '--dirty')}"]
    if options.quick:
        extra += ["--benchmark_min_time=0.001", "--benchmark_repetitions=1"]
    for number, section in enumerate(results.SECTIONS, 1):
        started = time.monotonic()
        print(f"{number}/{len(results.SECTIONS)} {section.name}", end=" ", flush=True)
        if not results.run(PROGRAM, section, options.folder, extra):
            sys.exit(f"failed: see {options.folder / section.name}.txt")
        print(f"{time.monotonic() - started:.0f} s", flush=True)
    return [options.folder / f"{section.name}.json" for section in results.SECTIONS]


def save(figure, path):
    figure.savefig(path, metadata={"Software": None})
    print(path)
    return page.image(path, path.stem)


def draw(options, cases):
    """The parts of the page that have cases."""
    sections = []
    for name, title, plot, table in PARTS:
        figure = plot(cases)
        if figure:
            body = save(figure, options.folder / f"{name}.png") + page.folded("Figures", page.table(*table(cases)))
            sections.append(page.section(title, plot.__doc__, body))
    if options.peers_json:
        sections.insert(2, beside_peers(options.folder, peers.read(options.peers_json)))
    return sections


def beside_peers(folder, compared):
    body = ""
    for name, plot in peers.PLOTS:
        figure = plot(compared)
        if figure:
            body += page.paragraph(plot.__doc__) + save(figure, folder / f"{name}.png")
    return page.section("Beside peers", "", body + page.folded("Figures", page.table(*peers.table(compared))))


def machine(context):
    """What the figures depend on."""
    caches = ", ".join(f"L{cache['level']} {cache['type'].lower()} {cache['size'] >> 10} KiB"
                       for cache in context["caches"])
    rows = [("CPU", f"{context['cpu']}, {context['num_cpus']} cores"), ("caches", caches)]
    rows += [(name.replace("_", " "), context.get(name, "unknown"))
             for name in ("isa", "huge_pages", "compiler", "xsimd", "commit", "date")]
    rows += [("load before", ", ".join(f"{load:.1f}" for load in context["load_avg"]))]
    body = page.table(("", ""), rows)
    if context["load_avg"][0] > 0.5:
        body += '<p class="note">Other programs ran before the suite began: figures of several threads may be low.</p>'
    return page.section("Machine", "", body)


def how(skipped):
    lines = [" ".join(results.command("rowpool_bench", section, pathlib.Path(), [])) for section in results.SECTIONS]
    body = page.code("./dev bench --report") + "<p>runs these, and draws what they wrote:</p>" + page.code(*lines)
    if skipped:
        body += page.folded("Cases that did not run", page.table(("case", "why"), skipped.items()))
    return page.section("How to repeat", "Figures are medians of the repetitions of one run; compare those of one run "
                        "only. docs/BENCHMARKS.md says what each case is.", body)


def main():
    options = parse_options()
    options.folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(options.folder.glob("*.json")) if options.redraw else measure(options)
    if not paths:
        sys.exit(f"no JSON file in {options.folder}")
    context, cases, skipped = results.read(paths)
    body = "".join([machine(context), *draw(options, cases), how(skipped)])
    target = options.folder / "report.html"
    target.write_text(page.page("rowpool: benchmarks", body), encoding="utf-8")
    print(target)


if __name__ == "__main__":
    main()
