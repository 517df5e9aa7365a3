#!/usr/bin/env python3
"""Tests what the benchmark report reads and writes, without the plots: Python's standard library is all it needs."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "bench" / "report"))

import page  # noqa: E402
import peers_tables  # noqa: E402
import results  # noqa: E402
import tables  # noqa: E402


def run(name, ns_row, **more):
    return {"run_name": name, "run_type": "iteration", "real_time": 2.0, "time_unit": "us", "iterations": 10,
            "ns_row": ns_row, "pct_limit": 50.0, "bytes_per_second": 4e9, **more}


def read(*benchmarks):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x.json"
        path.write_text(json.dumps({"context": {"date": "1"}, "benchmarks": benchmarks}), encoding="utf-8")
        return results.read([path])


class Results(unittest.TestCase):
    def test_a_name_is_words_and_labels(self):
        words, labels = results.parse_name("pool/int8/dim:64/bag:20/DRAM/zipf:1.05")
        self.assertEqual(words, ["pool", "int8", "DRAM"])
        self.assertEqual(labels, {"dim": "64", "bag": "20", "zipf": "1.05"})

    def test_what_google_benchmark_adds_to_a_name_is_left_out(self):
        _, (case,), _ = read(run("scaling/threads/threads:all/iterations:3/real_time", 1.0))
        self.assertEqual(case.name, "scaling/threads/threads:all")
        self.assertEqual((case.words, case.labels), (["scaling", "threads"], {"threads": "all"}))

    def test_a_case_has_the_medians_and_quartiles_of_its_repetitions(self):
        _, (case,), _ = read(*(run("pool/x", float(value)) for value in (5, 1, 2, 4, 3)))
        self.assertEqual(case.values["ns_row"], 3)
        self.assertEqual(case.quartiles, (2, 4))
        self.assertEqual(case.values["real_ns"], 2000)

    def test_few_repetitions_have_no_quartiles(self):
        _, (case,), _ = read(run("pool/x", 1.0), run("pool/x", 3.0))
        self.assertEqual((case.values["ns_row"], case.quartiles), (2, None))

    def test_aggregates_are_not_repetitions(self):
        _, (case,), _ = read(run("pool/x", 1.0), run("pool/x", 9.0, run_type="aggregate"))
        self.assertEqual(case.values["ns_row"], 1)

    def test_a_case_that_did_not_run_is_named_with_its_reason(self):
        _, cases, skipped = read(run("pool/x", 0.0, error_occurred=True, error_message="skipped: needs 8 GiB"))
        self.assertEqual((cases, skipped), ([], {"pool/x": "skipped: needs 8 GiB"}))

    def test_files_add_up_and_the_first_one_says_what_the_machine_did_before(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = [pathlib.Path(folder) / name for name in ("a.json", "b.json")]
            for path, date in zip(paths, ("2", "1")):
                data = {"context": {"date": date}, "benchmarks": [run(f"pool/{path.stem}", 1.0)]}
                path.write_text(json.dumps(data), encoding="utf-8")
            context, cases, _ = results.read(paths)
        self.assertEqual(context, {"date": "1"})
        self.assertEqual([case.name for case in cases], ["pool/b", "pool/a"])


class Page(unittest.TestCase):
    def test_it_needs_no_other_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "plot.png"
            path.write_bytes(b"\x89PNG")
            text = page.page("title", page.section("a", "b", page.image(path, "plot")))
        self.assertIn('src="data:image/png;base64,iVBORw=="', text)
        self.assertNotIn("http", text)
        self.assertNotIn("href", text)

    def test_what_is_shown_is_no_markup(self):
        text = page.table(["<b>"], [["a & b"]]) + page.code("x < y") + page.section("<i>", "<u>", "")
        for markup in ("<b>", "<i>", "<u>", "x < y", "a & b"):
            self.assertNotIn(markup, text)

    def test_a_row_of_figures(self):
        _, cases, _ = read(run("pool/int8/dim:64/bag:20/L2/uniform", 1.234), run("pool/int8/dim:64/L2/zipf:0.9", 1.0))
        heads, rows = tables.pool(cases)
        self.assertEqual(rows, [["pool/int8/dim:64/bag:20/L2/uniform", "1.23", "", "4", "50"]])
        self.assertEqual(len(heads), len(rows[0]))


class PeersTables(unittest.TestCase):
    RESULTS = [{"case": f"dims/{format}/dim:{dim}/{size}", "isa": "avx2", "ratio": ratio, "q1": 0.1, "q3": 3.0,
                "ns_rowpool": 1.0, "ns_peer": 2.0, "format": format, "pooling": "sum"}
               for format, dim, size, ratio in (("int8", 1, "512KiB", 2.0), ("int8", 1, "16MiB", 0.5),
                                                ("int4", 2, "512KiB", 0.9))]

    def test_all_figures_of_a_cell_stand_together(self):
        lines = peers_tables.pivot(self.RESULTS, ["dim"], [1], [2])
        self.assertEqual(lines, ["Figures of a cell: 512KiB / 16MiB.", "", "|  | int8 | int4 |", "| --- | --- | --- |",
                                 "| dim 1 | 2.00 / 0.50 |  |", "| dim 2 |  | 0.90 / - |"])

    def test_the_worst_comes_first_and_what_is_ahead_is_left_out(self):
        cases = [line.split("`")[1] for line in peers_tables.behind(self.RESULTS)[2:]]
        self.assertEqual(cases, ["dims/int8/dim:1/16MiB", "dims/int4/dim:2/512KiB"])

    def test_a_group_has_its_mean_its_share_and_its_smallest(self):
        lines = peers_tables.overview(self.RESULTS[:2], peers_tables.group_of, peers_tables.isa_of)
        self.assertEqual(lines[2:], ["| dims | avx2 | 2 | 1.00 | 50.0 % | 0.50 |"])

    def test_what_was_not_measured_has_no_table(self):
        self.assertEqual(peers_tables.text(self.RESULTS).count("\n### "), 3)


if __name__ == "__main__":
    unittest.main()
