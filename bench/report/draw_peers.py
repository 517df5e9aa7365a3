"""Draws the plots of the comparison with peers, and writes its tables as Markdown: what docs/BENCHMARKS.md shows.
./dev bench --peers draw runs this."""
import argparse
import pathlib

import peers
import peers_tables


def parse_options():
    parser = argparse.ArgumentParser(prog="./dev bench --peers draw", description=__doc__)
    parser.add_argument("folder", metavar="OUTDIR", type=pathlib.Path, help="gets the PNG files and peers.md")
    parser.add_argument("files", metavar="FILE", nargs="+", type=pathlib.Path, help="what --json wrote")
    return parser.parse_args()


def main():
    options = parse_options()
    options.folder.mkdir(parents=True, exist_ok=True)
    results = peers.read(options.files)
    for name, plot in peers.PLOTS:
        figure = plot(results)
        if figure:
            figure.savefig(options.folder / f"{name}.png", metadata={"Software": None})
            print(options.folder / f"{name}.png")
    tables = options.folder / "peers.md"
    tables.write_text(peers_tables.text(results), encoding="utf-8")
    print(tables)


if __name__ == "__main__":
    main()
