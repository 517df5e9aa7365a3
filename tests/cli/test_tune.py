"""tune: what it prints and saves, profiles that bench takes and refuses, and wrong usage. No test asserts a time."""
import json

from support import CommandTest, npy, safetensors


class Tune(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("a.npy", npy([float(i % 7) for i in range(400)], (100, 4)))
        self.passes("convert", "a.npy", "-o", "t.safetensors", "--format", "int8")

    def test_prints_a_line_a_table_and_saves_a_profile_beside_the_file(self):
        lines = self.passes("tune", "t.safetensors").splitlines()
        self.assertEqual(lines[0].split()[:4], ["table", "format", "rows", "dim"])
        self.assertEqual(lines[1].split()[:4], ["a", "int8", "100", "4"])
        self.assertTrue(lines[2].startswith("saved to t.safetensors.tuning.json for "))
        profile = json.loads(self.read("t.safetensors.tuning.json"))
        self.assertEqual(profile["rowpool_tuning"], 1)
        (table,) = profile["tables"]
        self.assertEqual((table["table"], table["format"], table["rows"], table["dim"]), ("a", "int8", 100, 4))
        self.assertGreater(table["ns_row"], 0)

    def test_other_memory_between(self):
        for text, between in {"0": 0, "4096": 4096, "64KiB": 64 << 10}.items():
            with self.subTest(text):
                said = self.passes("tune", "t.safetensors", "--between", text).splitlines()[-1]
                self.assertEqual("of other memory written between" in said, between > 0)
                self.assertEqual(json.loads(self.read("t.safetensors.tuning.json"))["between_bytes"], between)
        self.passes("bench", "t.safetensors", "--profile", "t.safetensors.tuning.json", "--batch", "2", "--json")

    def test_more_memory_between_than_there_is_is_refused_and_nothing_is_written(self):
        self.fails("tune", "t.safetensors", "--between", "1000000G",
                   says=["cannot write 1000000000000000 bytes between lookups", "half of the memory is"])
        self.assertNotIn("t.safetensors.tuning.json", self.contents())

    def test_bench_takes_a_profile(self):
        self.passes("tune", "t.safetensors", "-o", "p.json")
        self.passes("bench", "t.safetensors", "--profile", "p.json", "--batch", "2", "--json")

    def test_a_file_that_is_no_profile_is_refused(self):
        self.write("p.json", b"{}")
        self.fails("bench", "t.safetensors", "--profile", "p.json", says=["p.json: is no tuning profile"])

    def test_a_file_without_tables_is_refused_and_nothing_is_written(self):
        self.write("none.safetensors", safetensors({}))
        self.fails("tune", "none.safetensors", says=["none.safetensors", "has no tables"])
        self.assertNotIn("none.safetensors.tuning.json", self.contents())

    def test_a_folder_that_does_not_exist_is_named(self):
        self.fails("tune", "t.safetensors", "-o", "nowhere/p.json", says=["nowhere"])

    def test_wrong_usage(self):
        self.fails("tune", status=2)
        for value in ("", "-1", "2T", "nan", "x"):
            with self.subTest(value):
                self.fails("tune", "t.safetensors", "--between", value, status=2, says="--between")
