"""What only the command reads of the golden files: traces; that it takes all of them; and that none has changed."""
import hashlib
import json
from collections import Counter
from pathlib import Path

from support import CommandTest, Safetensors

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
SUFFIX = ".expected.json"


def expected_of(kind):
    """(path, what is expected) of every golden file of a kind."""
    every = [(str(path)[: -len(SUFFIX)], json.loads(path.read_text())) for path in sorted(GOLDEN.glob("*" + SUFFIX))]
    found = [(path, expected) for path, expected in every if expected["kind"] == kind]
    assert found, kind
    return found


def order_of(features, table, num_ids):
    """The ids of a table as --order-by-trace stores their rows, and how many are hot."""
    lookups = Counter(index for feature in features if feature["table"] == table for index in feature["indices"])
    return sorted(range(num_ids), key=lambda index: (-lookups[index], index)), len(lookups)


class Golden(CommandTest):
    def test_no_file_has_changed(self):
        for kind in ("tables", "profile", "trace"):
            for path, expected in expected_of(kind):
                self.assertEqual(hashlib.sha256(Path(path).read_bytes()).hexdigest(), expected["sha256"], path)

    def test_verify_and_export(self):
        for path, expected in expected_of("tables"):
            self.assertIn("all checksums match", self.passes("verify", path))
            for name, table in expected["tables"].items():
                self.passes("export", path, name, "-o", "rows.npy")
                self.assertTrue(self.read("rows.npy").endswith(bytes.fromhex(table["lookup"])), (path, name))

    def test_traces_put_rows_in_the_expected_order(self):
        tables, _ = expected_of("tables")[0]
        for path, expected in expected_of("trace"):
            self.passes("convert", tables, "-o", "out", "--order-by-trace", path)
            file = Safetensors(self.read("out"))
            for name in {feature["table"] for feature in expected["features"]}:
                order, hot = order_of(expected["features"], name, len(file.tensor("__remap." + name)) // 4)
                remap = memoryview(file.tensor("__remap." + name)).cast("i").tolist()
                self.assertEqual([remap[index] for index in order], list(range(len(order))), (path, name))
                self.assertEqual(file.record(name)["hot_rows"], hot, (path, name))

    def test_bench_takes_a_trace_and_a_profile(self):
        tables, _ = expected_of("tables")[0]
        for (trace, expected), (profile, _) in zip(expected_of("trace"), expected_of("profile")):
            features = expected["features"]
            samples = len(features[0]["offsets"]) - 1
            report = json.loads(self.passes("bench", tables, "--trace", trace, "--profile", profile, "--batch",
                                            str(samples), "--json"))
            self.assertEqual(report["traffic"]["samples"], samples)
            self.assertEqual(report["requests"]["lookups"], sum(len(feature["indices"]) for feature in features))
            self.assertEqual([feature["feature"] for feature in report["features"]],
                             [feature["feature"] for feature in features])
