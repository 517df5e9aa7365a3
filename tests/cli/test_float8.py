"""Floating point of 8 bits."""
import random

from checkpoints import call, checkpoint, named, storage
from scales import float8, FC, ScalesTest
from support import Safetensors, safetensors

PLAIN = "read as plain numbers, no scale is beside it"


class Float8(ScalesTest):
    def passes_noting(self, *args):
        """The command succeeds, and may say that values are plain numbers."""
        done = self.run_command(*args)
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in done.stderr.decode().splitlines():
            self.assertIn(PLAIN, line)
        return done.stdout.decode()

    def test_every_code(self):
        for dtype, bits in (("F8_E4M3", 3), ("F8_E5M2", 2)):
            expected = [[float8(16 * i + j, bits) for j in range(16)] for i in range(16)]
            self.converts({"emb.weight": (dtype, [16, 16], bytes(range(256)))}, expected, says=[PLAIN])

    def test_as_any_table(self):
        codes = bytes(random.Random(8).choices(range(0x7E), k=40 * 8))
        self.write("m.safetensors", safetensors({"e": ("F8_E4M3", [40, 8], codes)}))
        self.passes_noting("convert", "m.safetensors", "-o", "out")
        self.assertEqual(Safetensors(self.read("out")).header["e"]["shape"], [40, 16])
        self.assertIn("e", self.passes_noting("verify", "out", "--against", "m.safetensors"))
        self.passes_noting("convert", "m.safetensors", "--format", "f32", "-o", "f")
        self.passes_noting("diff", "f", "m.safetensors")
        self.assertIn("a table for rowpool convert alone: e", self.passes_noting("inspect", "m.safetensors"))

    def test_what_is_not_finite_is_a_bad_row(self):
        self.write("m.safetensors", safetensors({"e": ("F8_E4M3", [2, 8], b"\x38" * 8 + b"\x7f" * 8)}))
        self.fails("convert", "m.safetensors", "--format", "int8", "-o", "o", says=["row 1"])
        self.passes_noting("convert", "m.safetensors", "--format", "int8", "--on-bad-row", "zero", "-o", "o")

    def test_other_shapes(self):
        self.leaves_out({"emb.weight": ("F8_E4M3", [2, 5, 4], bytes(40))}, "as one of 10 x 4")
        self.leaves_out({"emb.weight": ("F8_E4M3", [5, 65537], bytes(5 * 65537))}, "more than 65536 columns")

    def test_views(self):
        codes = bytes(range(24))
        untyped = storage("0", 24, "torch.storage.UntypedStorage")
        column_first = call("torch._utils._rebuild_tensor_v3", untyped, 1, (4, 5), (1, 4), False, None,
                            named("torch.float8_e5m2"))
        self.write("m.pt", checkpoint({"e": column_first}, {"0": codes}))
        file = self.warns("m.pt", "--format", "f32", says=[PLAIN])
        self.assert_rows(file.rows_f32("e"), [[float8(1 + i + 4 * j, 2) for j in range(5)] for i in range(4)])

    def test_a_shape_that_its_bytes_do_not_have(self):
        self.write("m.safetensors", safetensors({"e": ("F8_E4M3FNUZ", [9, 9], bytes(80)), "f": FC}))
        done = self.run_command("convert", "m.safetensors", "-o", "out")
        self.assertIn(b"e", done.stderr)
        if done.returncode == 0:
            self.assertEqual(Safetensors(self.read("out")).tables(), ["f"])
