"""convert from .npy: versions, element types and orders that are read, and headers that are refused."""
import struct

from support import CommandTest, npy, npy_header, npy_raw

ROWS = [[1.0, 2.0, 3.0], [-4.0, 0.5, 6.0]]
C_ORDER = [1.0, 2.0, 3.0, -4.0, 0.5, 6.0]
FORTRAN_ORDER = [1.0, -4.0, 2.0, 0.5, 3.0, 6.0]


class Reads(CommandTest):
    def test_types_and_orders(self):
        for dtype in ["f2", "f4", "f8"]:
            for order in "<>":
                for fortran in (False, True):
                    with self.subTest(dtype=dtype, order=order, fortran=fortran):
                        values = FORTRAN_ORDER if fortran else C_ORDER
                        self.write("m.npy", npy(values, (2, 3), dtype, order, fortran))
                        self.assertEqual(self.table_as_f32("m.npy"), ROWS)

    def test_versions(self):
        for version in (1, 2, 3):
            with self.subTest(version):
                self.write("m.npy", npy(C_ORDER, (2, 3), version=version))
                self.assertEqual(self.table_as_f32("m.npy"), ROWS)

    def test_headers_as_others_write_them(self):
        data = struct.pack("<6f", *C_ORDER)
        for header in ['{"descr":"=f4","fortran_order":False,"shape":(2,3)}',
                       "{'shape': (2, 3,), 'descr': '<f4', 'fortran_order': False, }",
                       "{ 'descr' : '|f4' , 'fortran_order' : False , 'shape' : ( 2 , 3 ) }"]:
            with self.subTest(header):
                self.write("m.npy", npy_raw(header, data))
                self.assertEqual(self.table_as_f32("m.npy"), ROWS)

    def test_rows_at_any_byte(self):
        data = npy_header("<f4", (2, 3)).encode()
        self.write("m.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", len(data)) + data + struct.pack("<6f", *C_ORDER))
        self.assertEqual(self.table_as_f32("m.npy"), ROWS)

    def test_found_without_the_extension(self):
        self.write("matrix", npy(C_ORDER, (2, 3)))
        self.assertEqual(self.table_as_f32("matrix"), ROWS)

    def test_f64_is_narrowed_to_nearest_even(self):
        ulp = 2.0**-23
        values = [1 + 0.5 * ulp, 1 + 1.5 * ulp, 1 + 0.75 * ulp, 1e-60, 3.4028235e38, -0.0]
        self.write("m.npy", npy(values, (1, 6), "f8"))
        self.assertEqual(self.table_as_f32("m.npy")[0][:4], [1.0, 1 + 2 * ulp, 1 + ulp, 0.0])

    def test_widest_row(self):
        self.write("m.npy", npy([0.0] * 65536, (1, 65536)))
        self.assertEqual(len(self.table_as_f32("m.npy")[0]), 65536)


class Refuses(CommandTest):
    def refuses(self, data, *says):
        self.write("m.npy", data)
        return self.fails("convert", "m.npy", "-o", "out", says=["m.npy", *says])

    def refuses_header(self, header, *says):
        self.refuses(npy_raw(header, b"\0" * 24), *says)

    def test_f64_that_does_not_fit(self):
        self.refuses(npy([0.0, 1.0, 2.0, -1e39], (2, 2), "f8"), "row 1, column 1", "-1e+39")

    def test_shapes_that_are_no_table(self):
        self.refuses(npy(C_ORDER, (6,)), "(6,)", "1 dimensions")
        self.refuses(npy(C_ORDER, (1, 2, 3)), "(1, 2, 3)", "3 dimensions")
        self.refuses(npy([1.0], ()), "()", "0 dimensions")
        self.refuses(npy([], (3, 0)), "rows of 0 values")
        self.refuses(npy([0.0] * 65537, (1, 65537)), "65537", "65536")

    def test_types_that_are_no_numbers_for_tables(self):
        self.refuses(npy_raw(npy_header("|O", (2, 3)), b"pickle"), "'|O'", "Python objects")
        self.refuses(npy_raw("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}"), "structured")
        for descr in ["<c8", "|b1", "<U4", "<f16", "", "<f4x", "f4<"]:
            with self.subTest(descr):
                self.refuses(npy_raw(npy_header(descr, (2, 3)), b"\0" * 48), f"dtype '{descr}'")
        self.refuses(npy([1, 2], (1, 2), "i4"), "integers")
        self.refuses(npy_raw(npy_header("|u1", (2, 3)), b"\0" * 6), "bytes", "--packed 'm=int8'")

    def test_sizes_that_do_not_match(self):
        whole = npy(C_ORDER, (2, 3))
        self.refuses(whole + b"\0", f"{len(whole) + 1} bytes", "(2, 3)", "128 + 24")
        for size in range(len(whole)):
            with self.subTest(size):
                self.refuses(whole[:size])

    def test_sizes_that_overflow(self):
        for shape in [(2**63, 2), (2**32, 2**32), (2**62, 1), (2**61, 2, 0)]:
            with self.subTest(shape):
                self.refuses(npy_raw(npy_header("<f4", shape)))
        self.refuses(npy_raw(npy_header("<f4", (2**64, 1))), "64 bits")
        self.refuses(npy_raw(npy_header("<f4", [1] * 65)), "64 dimensions")

    def test_versions_to_come(self):
        self.refuses(b"\x93NUMPY\x04\0" + npy(C_ORDER, (2, 3))[8:], "version 4.0")
        self.refuses(b"\x93NUMPY\x01\x01" + npy(C_ORDER, (2, 3))[8:], "version 1.1")

    def test_header_longer_than_the_file(self):
        self.refuses(b"\x93NUMPY\x02\0\xff\xff\xff\xff{}", "cut short within its header of 4294967307")

    def test_headers_that_are_no_such_dict(self):
        good = "'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)"
        self.refuses_header("{" + good + "} + 1", "expected nothing after")
        self.refuses_header("{" + good, "',' or '}'")
        self.refuses_header("[" + good + "]", "byte 0", "'{'")
        self.refuses_header("{" + good + ", 'descr': '<f4'}", "repeated key 'descr'")
        self.refuses_header("{" + good + ", 'x': 1}", "unknown", "'x'")
        self.refuses_header("{'descr': '<f4', 'shape': (2, 3)}", "lacks")
        self.refuses_header("{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}", "byte 34", "True or False")
        self.refuses_header("{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3]}", "'('")
        self.refuses_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}", "64 bits")
        self.refuses_header("{'descr': '<f4', 'fortran_order': False, 'shape': (6)}", "','")
        self.refuses_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}")
        self.refuses_header("{'descr: 1", "quote")
        self.refuses_header("{,}")
        self.refuses_header("")
        self.refuses_header("__import__('os').system('echo')")
