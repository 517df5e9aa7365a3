"""convert from ONNX models: every way in which an initializer holds its values, and what is refused."""
import os
import struct

from support import CommandTest, Safetensors, f32

FLOAT, INT64, FLOAT16, DOUBLE, BFLOAT16 = 1, 7, 10, 11, 16
ROWS = [[1.0, -2.0, 0.5], [0.0, 65504.0, -0.25]]
VALUES = ROWS[0] + ROWS[1]


def varint(value):
    value &= 2**64 - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def chunk(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def external(**entries):
    """The fields by which a tensor says that its values are in another file."""
    pairs = (chunk(1, key) + chunk(2, str(value)) for key, value in entries.items())
    return b"".join(chunk(13, pair) for pair in pairs) + number(14, 1)


def tensor(name, values, dims=(2, 3), kind=FLOAT, packed_dims=False):
    """A TensorProto; `values` are the fields that hold them."""
    if packed_dims:
        shape = chunk(1, b"".join(map(varint, dims)))
    else:
        shape = b"".join(number(1, dim) for dim in dims)
    return shape + number(2, kind) + chunk(8, name) + values


def raw(values=tuple(VALUES), code="f"):
    return chunk(9, struct.pack(f"<{len(values)}{code}", *values))


def halves(values):
    """int32_data: the bits of each value as a varint."""
    return chunk(5, b"".join(varint(struct.unpack("<H", struct.pack("<e", value))[0]) for value in values))


def graph(*tensors):
    node = chunk(1, "in") + chunk(2, "out") + chunk(4, "Gather")
    return chunk(1, node) + chunk(2, "g") + b"".join(chunk(5, each) for each in tensors) + chunk(11, chunk(1, "in"))


def model(*tensors, tail=chunk(8, number(2, 17))):
    """A ModelProto: versions, names and a graph; then the operator sets."""
    return number(1, 8) + chunk(2, "tests") + number(5, 1) + chunk(7, graph(*tensors)) + tail


class Reads(CommandTest):
    def reads(self, data, rows=None, name="m.onnx"):
        self.write(name, data)
        self.assertEqual(self.table_as_f32(name), ROWS if rows is None else rows)

    def test_every_place_of_values(self):
        for kind, values in ((FLOAT, raw()), (FLOAT, chunk(4, struct.pack("<6f", *VALUES))),
                             (DOUBLE, raw(VALUES, "d")), (DOUBLE, chunk(10, struct.pack("<6d", *VALUES))),
                             (FLOAT16, raw(VALUES, "e")), (FLOAT16, halves(VALUES))):
            for packed in (False, True):
                with self.subTest(kind=kind, field=values[0] >> 3, packed=packed):
                    self.reads(model(tensor("w", values, kind=kind, packed_dims=packed)))

    def test_halves_stay_halves(self):
        bits = [0x3F80, 0xC000, 0x0000, 0x8000, 0x0001, 0x7F7F]
        as_ints = chunk(5, b"".join(map(varint, bits)))
        for values in (raw(bits, "H"), as_ints):
            for kind, form, dtype in ((BFLOAT16, "bf16", "BF16"), (FLOAT16, "f16", "F16")):
                file = self.convert(self.write("m.onnx", model(tensor("w", values, kind=kind))), form=form)
                self.assertEqual(file.header["w"]["dtype"], dtype)
                self.assertEqual(file.tensor("w"), struct.pack("<6H", *bits))

    def test_many_rows_of_varints_in_order(self):
        rows = [[float(i % 2000), -float(i // 2000)] for i in range(40000)]
        values = [value for row in rows for value in row]
        self.reads(model(tensor("w", halves(values), dims=(40000, 2), kind=FLOAT16)), rows)

    def test_doubles_are_rounded(self):
        self.reads(model(tensor("w", raw([0.1, 1e-300, 3.0], "d"), dims=(1, 3), kind=DOUBLE)), [[f32(0.1), 0.0, 3.0]])

    def test_what_is_no_table_is_left_out(self):
        file = self.convert(self.write("m.onnx", model(
            tensor("bias", raw(VALUES[:3]), dims=(3,)), tensor("ids", chunk(7, varint(-1)), dims=(1, 1), kind=INT64),
            tensor("scalar", raw([1.0]), dims=()), tensor("none", b"", dims=(4, 0)), tensor("b", raw()),
            tensor("deep", raw(), dims=(1, 2, 3)), tensor("a", raw()))), form="f32")
        self.assertEqual(file.tables(), ["b", "a"])
        self.assertEqual(file.record("a")["source"], "m.onnx:a")

    def test_no_rows(self):
        self.reads(model(tensor("w", b"", dims=(0, 3))), [])

    def test_unknown_fields_are_skipped(self):
        extra = number(99, 2**64 - 1) + chunk(1000, b"x")
        extra += varint(98 << 3 | 5) + b"1234" + varint(97 << 3 | 1) + b"12345678"
        self.reads(model(tensor("w", extra + raw() + extra), tail=extra))
        self.reads(number(1, 8) + extra + chunk(7, extra + graph(tensor("w", raw()))))

    def test_graph_in_two_parts(self):
        self.convert(self.write("m.onnx", model(tensor("a", raw()), tail=chunk(7, graph(tensor("b", raw()))))))

    def test_told_without_its_extension(self):
        self.reads(model(tensor("w", raw())), name="model.bin")

    def test_table_is_chosen_beside_one_that_is_too_wide(self):
        data = model(tensor("head", raw([0.0] * 65537), dims=(1, 65537)), tensor("w", raw()))
        self.write("m.onnx", data)
        self.passes("convert", "m.onnx", "--table", "w", "-o", "out")
        self.fails("convert", "m.onnx", "-o", "out2", says=["m.onnx", "head", "65537"])


class External(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("w.data", b"pad!" + struct.pack("<6f", *VALUES) + struct.pack("<6f", *VALUES[::-1]))
        os.mkdir(self.path("sub"))

    def test_reads(self):
        os.rename(self.path("w.data"), self.path("sub/w.data"))
        os.symlink("w.data", self.path("sub/link"))
        self.write("m.onnx", model(
            tensor("a", external(location="sub/w.data", offset=4, length=24)),
            tensor("b", external(location="./sub/link", offset="28")),
            tensor("c", external(location="sub/w.data", length=24, checksum="x"))))
        file = self.convert("m.onnx", form="f32")
        self.assertEqual(file.rows_f32("a"), ROWS)
        self.assertEqual([value for row in file.rows_f32("b") for value in row], VALUES[::-1])
        self.assertEqual(file.tensor("c")[:8], b"pad!" + struct.pack("<f", 1.0))

    def test_the_folder_is_the_models(self):
        os.mkdir(self.path("other"))
        for name in ("m.onnx", "w.data"):
            self.write("sub/" + name, model(tensor("a", external(location="w.data", offset=4))) if name == "m.onnx"
                       else self.read("w.data"))
        out = self.path("out")
        self.passes("convert", "sub/m.onnx", "--format", "f32", "-o", out)
        self.assertEqual(Safetensors(self.read("out")).rows_f32("a"), ROWS)

    def refuses(self, values, *says):
        self.write("m.onnx", model(tensor("w", values)))
        self.fails("convert", "m.onnx", "-o", "out", says=["m.onnx: initializer w", *says])

    def test_locations_that_leave_the_folder(self):
        for location in ("../w.data", "sub/../../w.data", "sub/../w.data", os.path.abspath(self.path("w.data")),
                         "/etc/passwd", ""):
            self.refuses(external(location=location), "no path within the model's folder")
        self.refuses(external(location="w.data\0/x"), "no path within the model's folder")
        os.symlink("/etc/passwd", self.path("passwd"))
        os.symlink("/etc", self.path("etc"))
        for location in ("passwd", "etc/passwd"):
            self.refuses(external(location=location), "symbolic link")

    def test_ranges_that_lie(self):
        self.refuses(external(location="w.data", offset=29), "has 52 bytes", "24 from byte 29 on")
        self.refuses(external(location="w.data", offset=2**64 - 1), "52 bytes")
        self.refuses(external(location="w.data", length=23), "its length is 23 bytes", "are 24")
        self.refuses(external(location="w.data", offset=-1), "offset '-1'")
        self.refuses(external(location="w.data", offset=2**64), "offset '18446744073709551616'")
        self.refuses(external(location="w.data", length="24 "), "length '24 '")
        self.refuses(external(location="w.data", length=""), "length ''")

    def test_files_that_are_none(self):
        self.refuses(external(location="missing"), "missing: No such file")
        self.refuses(external(offset=0), "does not name")
        self.write("m.onnx", model(tensor("w", external(location="sub"))))
        self.fails("convert", "m.onnx", "-o", "out", says="sub")

    def test_values_in_two_places(self):
        self.refuses(external(location="w.data", offset=4) + raw(), "more than one place")


class Refuses(CommandTest):
    def refuses(self, data, *says):
        self.write("m.onnx", data)
        return self.fails("convert", "m.onnx", "-o", "out", says=["m.onnx", *says])

    def refuses_tensor(self, says, values, **options):
        self.refuses(model(tensor("w", values, **options)), "initializer w at byte ", *([says] if isinstance(says, str)
                                                                                        else says))

    def test_every_prefix(self):
        for values in (raw(VALUES, "e"), halves(VALUES)):
            data = model(tensor("w", values, kind=FLOAT16), tail=b"")
            for size in range(len(data)):
                with self.subTest(size=size):
                    self.refuses(data[:size])

    def test_every_prefix_of_the_graph(self):
        inside = graph(tensor("w", raw()))
        for size in range(len(inside)):
            self.write("m.onnx", number(1, 8) + chunk(7, inside[:size]))
            done = self.run_command("convert", "m.onnx", "-o", "out")  # the graph's name and inputs may be missing
            self.assertIn(done.returncode, (0, 1))
            self.assertEqual(done.stderr.count(b"\n"), done.returncode)

    def test_every_byte_changed(self):
        data = model(tensor("w", halves(VALUES), kind=FLOAT16), tensor("x", external(location="w.data", offset=4)))
        self.write("w.data", bytes(100))
        for at in range(len(data)):
            changed = bytearray(data)
            changed[at] ^= (0x01, 0x80, 0xFF)[at % 3]
            self.write("m.onnx", bytes(changed))
            done = self.run_command("convert", "m.onnx", "-o", "out")
            self.assertIn(done.returncode, (0, 1), done.stderr)
            self.assertEqual(done.stderr.count(b"\n"), done.returncode)

    def test_wire_format(self):
        self.refuses(b"", "no graph")
        self.refuses(number(1, 8) + b"\x3a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", "byte 2: no whole field")
        self.refuses(number(1, 8) + b"\x08" + b"\xff" * 9 + b"\x02", "byte 2: no whole field")  # 65 bits
        self.refuses(number(1, 8) + b"\x02\x00", "byte 2: no whole field")  # field 0
        self.refuses(number(1, 8) + b"\x0b\x0c", "byte 2: no whole field")  # a group
        self.refuses(number(1, 8) + chunk(7, b"\x2a\x7f"), "byte 4: no whole field")
        self.refuses(number(1, 8) + number(7, 1), "byte 2: field 7 has wire type 0, expected 2")
        self.refuses(model(tensor("w", raw() + chunk(2, b""))), "field 2 has wire type 2, expected 0")

    def test_deep_nesting_is_not_entered(self):
        deep = b""
        for _ in range(5000):
            deep = chunk(1, chunk(5, chunk(6, deep)))  # a graph in an attribute of a node
        self.write("m.onnx", number(1, 8) + chunk(7, deep + graph(tensor("w", raw()))))
        self.assertEqual(self.table_as_f32("m.onnx"), ROWS)

    def test_shapes(self):
        self.refuses_tensor("20 bytes of values, but 2 x 3 elements of 4 bytes are 24", raw(VALUES[:5]))
        self.refuses_tensor("are 24", raw(VALUES + [0.0]))
        self.refuses_tensor("a dimension of -2", raw(), dims=(-2, 3))
        self.refuses_tensor("4611686018427387904 x 4 elements, overflows", raw(), dims=(2**62, 4))
        self.refuses_tensor("overflows", raw(), dims=(2**61, 3))
        self.refuses(model(tensor("w", chunk(9, bytes(65537 * 4)), dims=(1, 65537))), "table w", "65537")
        self.refuses(model(b"\x0a\x01\xff" + tensor("w", raw())), "dims are damaged")

    def test_values(self):
        self.refuses_tensor("more than one place", raw() + raw())
        self.refuses_tensor("more than one place", raw() + chunk(4, struct.pack("<6f", *VALUES)))
        self.refuses_tensor("field 10, which is not for its type", chunk(10, bytes(24)))
        self.refuses_tensor("not packed", varint(4 << 3 | 5) + b"1234", dims=(1, 1))
        self.refuses_tensor("segments", raw() + chunk(3, b""))
        self.refuses_tensor("data_location 2", raw() + number(14, 2))
        self.refuses(model(tensor("w", halves(VALUES[:5]), kind=FLOAT16)), "row 1, column 2",
                     "end before")
        self.refuses(model(tensor("w", halves(VALUES + [0.0]), kind=FLOAT16)), "initializer w", "more than 2 x 3")
        self.refuses(model(tensor("w", chunk(5, varint(65536) * 6), kind=BFLOAT16)), "row 0, column 0", "16 bits")
        self.refuses(model(tensor("w", raw([0.0, 1e39], "d"), dims=(2, 1), kind=DOUBLE)), "initializer w",
                     "row 1, column 0", "1e+39")

    def test_names(self):
        self.refuses(model(tensor("w", raw()), tensor("w", raw(VALUES[:3]), dims=(3,))), "initializer w",
                     "another one has that name")
        self.refuses(model(tensor("", raw())), "no name")
        for name in (b"\xff", b"a\nb", b"a\0b", b"__x"):
            self.write("m.onnx", model(tensor(name, raw())))
            self.fails("convert", "m.onnx", "-o", "out", says="table ")

    def test_no_table(self):
        self.refuses(model(tensor("b", raw(VALUES[:3]), dims=(3,))), "no two-dimensional FLOAT")
        self.refuses(number(1, 8) + chunk(8, b""), "no graph")
