"""Results of the suite: runs it, reads what it wrote, and sorts the cases by what their names say."""
import json
import statistics
import subprocess
from typing import NamedTuple

NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


class Section(NamedTuple):
    """A part of the suite that is run by one command."""
    name: str
    filter: str
    repetitions: int


# About five minutes. One repetition of a latency case serves 10,000 requests.
SECTIONS = [
    Section("pool", "limits/sequential|pool/.*/bag:20/|pool/int8/dim:64/", 5),
    Section("requests", "requests/", 3),
    Section("latency", "latency/", 3),
    Section("scaling", "scaling/", 3),
    Section("conversion", "quantize/.*/dim:64|convert/", 3),
]


class Case(NamedTuple):
    """A case and the medians of its figures."""
    name: str
    words: list  # the parts of its name that are words: pool, int8, L2, uniform
    labels: dict  # and those with a value: dim, bag, batch, threads
    values: dict  # medians over the repetitions
    quartiles: tuple  # of ns_row, or None without three repetitions of it


def command(program, section, folder, options):
    """The command line of a section."""
    return [str(program), f"--benchmark_filter={section.filter}", f"--benchmark_repetitions={section.repetitions}",
            "--benchmark_display_aggregates_only=true", f"--benchmark_out={folder / section.name}.json", *options]


def run(program, section, folder, options):
    """Runs a section; its table goes to a text file beside the JSON. Whether no case was wrong."""
    with open(folder / f"{section.name}.txt", "w", encoding="utf-8") as log:
        done = subprocess.run(command(program, section, folder, options), stdout=log, stderr=subprocess.STDOUT,
                              check=False)
    return done.returncode == 0


def own_name(name):
    """The name without what Google Benchmark adds to it."""
    return "/".join(part for part in name.split("/") if part != "real_time" and not part.startswith("iterations:"))


def parse_name(name):
    """Words and labels: "pool/int8/dim:64/L2/zipf:1.05" has the words pool, int8, L2 and the labels dim and zipf."""
    parts = name.split("/")
    labels = dict(part.split(":", 1) for part in parts if ":" in part)
    return [part for part in parts if ":" not in part], labels


def figures(repetition):
    """What one repetition measured: its counters, and the time of an iteration in nanoseconds."""
    numbers = {key: value for key, value in repetition.items() if isinstance(value, float)}
    numbers["real_ns"] = repetition["real_time"] * NANOSECONDS[repetition["time_unit"]]
    return numbers


def make_case(name, runs):
    words, labels = parse_name(name)
    numbers = [figures(repetition) for repetition in runs]
    values = {key: statistics.median(each[key] for each in numbers) for key in numbers[0]}
    quartiles = None
    if len(numbers) > 2 and "ns_row" in values:
        low, _, high = statistics.quantiles((each["ns_row"] for each in numbers), n=4, method="inclusive")
        quartiles = (low, high)
    return Case(name, words, labels, values, quartiles)


def read(paths):
    """The context of the file that was made first, the cases of all, and {name: message} of those that did not run."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    files.sort(key=lambda file: file["context"]["date"])
    repetitions, skipped = {}, {}
    for one in (one for file in files for one in file["benchmarks"]):
        name = own_name(one["run_name"])
        if one.get("error_occurred"):
            skipped[name] = one["error_message"]
        elif one["run_type"] == "iteration":
            repetitions.setdefault(name, []).append(one)
    return files[0]["context"], [make_case(name, runs) for name, runs in repetitions.items()], skipped


def family(cases, name):
    """The cases whose names begin with that word."""
    return [case for case in cases if case.words[0] == name]
