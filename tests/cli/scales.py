"""Weights of 8 bits as tests write them: elements of every type, safetensors files and checkpoints of them."""
import math
import struct

from checkpoints import call, checkpoint, named, storage, tensor
from support import ConvertTest, Safetensors, f16, f32, safetensors

TORCH = {"U8": "uint8", "I8": "int8", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F32": "float32",
         "F16": "float16", "BF16": "bfloat16", "F64": "float64", "I32": "int32", "I64": "int64", "I16": "int16"}
STORAGES = {"U8": "Byte", "I8": "Char", "F32": "Float", "F16": "Half", "BF16": "BFloat16", "F64": "Double", "I32": "Int",
            "I64": "Long", "I16": "Short"}
BYTES = {"I16": 2, "F16": 2, "BF16": 2, "F32": 4, "I32": 4, "F64": 8, "I64": 8}
PACKING = {"F32": "f", "F16": "e", "F64": "d", "I32": "i", "I64": "q", "I8": "b", "U8": "B"}


def float8(code, mantissa_bits):
    """The number of a code of E4M3 (3 bits of mantissa) or E5M2 (2), from the definition."""
    exponent, mantissa = divmod(code & 0x7F, 1 << mantissa_bits)
    sign = -1.0 if code & 0x80 else 1.0
    if mantissa_bits == 3 and code & 0x7F == 0x7F:
        return math.nan
    if mantissa_bits == 2 and exponent == 31:
        return sign * math.inf if mantissa == 0 else math.nan
    bias = 7 if mantissa_bits == 3 else 15
    part = mantissa / (1 << mantissa_bits)
    return sign * (part * 2.0 ** (1 - bias) if exponent == 0 else (1 + part) * 2.0 ** (exponent - bias))


def number(code, dtype):
    """What a byte is as an element of that type."""
    if dtype.startswith("F8"):
        return float8(code, 3 if dtype == "F8_E4M3" else 2)
    return code - 256 if dtype == "I8" and code > 127 else code


def packed(values, dtype):
    """Numbers as the bytes of that type."""
    if dtype == "BF16":
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{PACKING[dtype]}", *values)


def rounded(value, dtype):
    """A number as that type holds it."""
    if dtype == "BF16":
        return struct.unpack("<f", b"\0\0" + struct.pack("<f", value)[2:])[0]
    return f16(value) if dtype == "F16" else f32(value) if dtype == "F32" else value


def state(tensors):
    """A checkpoint of {name: (dtype, shape, bytes)}."""
    made, storages = {}, {}
    for key, (name, (dtype, shape, content)) in enumerate(tensors.items()):
        storages[str(key)] = content
        if dtype in STORAGES:
            made[name] = tensor(storage(str(key), len(content) // BYTES.get(dtype, 1), STORAGES[dtype]), shape)
            continue
        strides = tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
        untyped = storage(str(key), len(content), "torch.storage.UntypedStorage")
        made[name] = call("torch._utils._rebuild_tensor_v3", untyped, 0, tuple(shape), strides, False, None,
                          named("torch." + TORCH[dtype]))
    return checkpoint(made, storages)


WRITERS = (("m.safetensors", safetensors), ("m.pt", state))
FC = ("F32", [3, 4], bytes(48))


class ScalesTest(ConvertTest):
    def assert_rows(self, got, expected):
        self.assertEqual(len(got), len(expected))
        for a, b in zip(got, expected):
            self.assertEqual([struct.pack("<f", x) if x == x else "nan" for x in a],
                             [struct.pack("<f", x) if x == x else "nan" for x in b])

    def converts(self, tensors, expected, tables=("emb.weight",), *options, says=()):
        """In every format, the tables are those named, and the first has the rows expected."""
        for name, write in WRITERS:
            with self.subTest(name):
                self.write(name, write(tensors))
                file = self.warns(name, "--format", "f32", *options, says=says)
                self.assertEqual(sorted(file.tables()), sorted(tables))
                self.assert_rows(file.rows_f32(tables[0]), expected)

    def leaves_out(self, tensors, *says, codes="emb.weight"):
        """In every format, the codes are left out for a reason that holds all of `says`, and never converted raw."""
        for name, write in WRITERS:
            with self.subTest(name, says=says):
                self.write(name, write(dict(tensors, fc=FC)))
                done = self.run_command("convert", name, "--format", "f32", "-o", "out")
                self.assertEqual(done.returncode, 0, done.stderr)
                (line,) = [line for line in done.stderr.decode().splitlines() if f"left out: {codes} " in line]
                for part in says:
                    self.assertIn(part, line)
                self.assertNotIn(codes, Safetensors(self.read("out")).tables())
                self.refuses(name, codes, options=["--table", codes])
