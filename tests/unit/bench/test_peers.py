#!/usr/bin/env python3
"""Tests which shapes the comparison with peers measures and what its summary says: Python's standard library is all it
needs."""
import pathlib
import sys
import types
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "bench" / "peers"))

import request_grids  # noqa: E402
import sizes  # noqa: E402
import summary  # noqa: E402
import table_grids  # noqa: E402


def options(**given):
    defaults = {"quick": False, "large": False, "zipf": None, "between": 0, "random": 0, "seed": 1}
    return types.SimpleNamespace(**defaults | given)


def names(cells):
    return [cell.name for cell in cells]


class TableGrids(unittest.TestCase):
    def test_the_named_grid_is_that_of_earlier_results(self):
        found = names(table_grids.named(options()))
        self.assertEqual(len(found), 84)
        self.assertEqual((found[0], found[-1]), ("kernel/int8/dim:32/L1", "numpy/f32/dim:128/DRAM"))

    def test_a_name_is_that_of_one_cell(self):
        for grid in table_grids.GRIDS.values():
            found = names(grid(options()))
            self.assertEqual(len(set(found)), len(found))

    def test_what_pytorch_cannot_do_is_asked_of_nobody(self):
        cells = [cell for grid in table_grids.GRIDS.values() for cell in grid(options())]
        for shape in (cell.shape for cell in [*cells, *table_grids.random_cells(options(random=500))]):
            self.assertFalse(shape.format == "int4" and shape.dim % 2)
            self.assertFalse(shape.format in ("int8", "int4") and shape.pooling in ("mean", "none"))

    def test_caches_are_overwritten_in_their_grid_and_where_it_is_asked_for(self):
        self.assertTrue(all(cell.between > 0 for cell in table_grids.overwritten(options())))
        self.assertTrue(all(cell.between == 64 for cell in table_grids.overwritten(options(between=64))))
        self.assertTrue(all(cell.between == 64 for cell in table_grids.dims(options(between=64))))
        self.assertTrue(all(cell.between == 0 for cell in table_grids.dims(options())))


class RandomShapes(unittest.TestCase):
    def test_a_seed_has_always_the_same_shapes(self):
        few, many = (list(table_grids.random_cells(options(random=n, seed=3))) for n in (5, 20))
        self.assertEqual(few, many[:5])
        self.assertNotEqual(few, list(table_grids.random_cells(options(random=5, seed=4))))

    def test_they_are_within_what_is_said_of_them(self):
        for shape in (cell.shape for cell in table_grids.random_cells(options(random=500))):
            self.assertTrue(1 <= shape.dim <= 2048 and 1 <= shape.bag <= 200)
            self.assertTrue(512 * sizes.KIB <= shape.size <= 256 * sizes.MIB)
            self.assertTrue(900 <= shape.lookups <= 20100)

    def test_ends_are_reached(self):
        rng = types.SimpleNamespace(uniform=lambda low, high: low)
        self.assertEqual(table_grids.log_uniform(rng, 512, 2048), 512)
        rng = types.SimpleNamespace(uniform=lambda low, high: high)
        self.assertEqual(table_grids.log_uniform(rng, 1, 2048), 2048)

    def test_requests_too(self):
        few, many = (list(request_grids.random_cells(options(random=n, seed=3))) for n in (5, 50))
        self.assertEqual(few, many[:5])
        for request in (cell.request for cell in many):
            self.assertTrue(1 <= len(request.features) <= 100 and 1 <= request.batch <= 2048)
            self.assertLessEqual(request.lookups, request_grids.MAX_LOOKUPS)


class Requests(unittest.TestCase):
    def test_dlrm_has_214_lookups_a_sample(self):
        cell = next(request_grids.named(options()))
        self.assertEqual(cell.name, "request/dlrm:1000000/batch:64/threads:1/tbe")
        self.assertEqual((cell.request.lookups, len(cell.request.features)), (64 * 214, 26))

    def test_tables_are_cut(self):
        features = request_grids.criteo("f16", 16, 200, [1] * 26)
        self.assertEqual((features[0].rows, features[5].rows), (200, 3))


class Summary(unittest.TestCase):
    RESULTS = [{"case": "a/x", "ratio": 2.0}, {"case": "a/y", "ratio": 0.5}, {"case": "b/x", "ratio": 0.9}]

    def test_what_is_behind_comes_first_the_worst_before_the_others(self):
        lines = summary.summary(self.RESULTS, lambda result: result["case"])
        self.assertEqual(lines[1:4], ["below 0.97: 2 of 3", "a/y", "b/x"])

    def test_a_group_has_its_mean_its_share_and_its_smallest(self):
        self.assertEqual(summary.groups(self.RESULTS)[2].split(), ["a", "2", "1.00", "50.0", "%", "0.50"])

    def test_sizes_are_text(self):
        self.assertEqual([sizes.size_text(size) for size in (512 << 10, 16 << 20, 1893 << 10)],
                         ["512KiB", "16MiB", "1893KiB"])


if __name__ == "__main__":
    unittest.main()
