"""Zip archives as `bench --trace` reads them: variants that are read, and what hostile ones are told."""
import io
import struct
import zipfile

from support import CommandTest, npy, npz

INDICES = npy([1, 2, 3, 7], (4,), "i8")  # row 7 of 5: what ends every archive that can be read
OFFSETS = npy([0, 1, 4], (3,), "i8")
ARRAYS = {"t.indices": INDICES, "t.offsets": OFFSETS}
LOCAL, ENTRY, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"


def patched(data, at, form, value):
    """The bytes with a little-endian number at `at`."""
    number = struct.pack("<" + form, value)
    return data[:at] + number + data[at + len(number) :]


def entry_of(data, number=0):
    """Where that entry of the central directory begins."""
    at = -1
    for _ in range(number + 1):
        at = data.index(ENTRY, at + 1)
    return at


def with_end(data, entries, begin, size):
    """An archive that ends with its directory, closed."""
    return data + END + struct.pack("<4H2IH", 0, 0, entries, entries, size, begin, 0)


def zip64(data):
    """The archive with every number where zip64 has it."""
    begin = data.index(ENTRY)
    directory, rest = b"", data[begin:]
    while rest[:4] == ENTRY:
        fixed, name_length = rest[:46], struct.unpack_from("<H", rest, 28)[0]
        packed, size, header = (struct.unpack_from("<I", fixed, at)[0] for at in (20, 24, 42))
        extra = struct.pack("<HH4x", 7, 4) + struct.pack("<HH3Q", 1, 24, size, packed, header)
        for at in (20, 24, 42):
            fixed = patched(fixed, at, "I", 2**32 - 1)
        directory += patched(fixed, 30, "H", len(extra)) + rest[46 : 46 + name_length] + extra
        rest = rest[46 + name_length :]
    count, at = struct.unpack_from("<H", rest, 10)[0], begin + len(directory)
    record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(directory), begin)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, at, 1)
    return with_end(data[:begin] + directory + record + locator, 0xFFFF, 2**32 - 1, 2**32 - 1)


class ZipTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("t.npy", npy([0.0] * 10, (5, 2)))
        self.passes("convert", "t.npy", "--format", "f32", "-o", "t.safetensors")

    def refuses(self, data, *says):
        self.write("a.npz", data)
        return self.fails("bench", "t.safetensors", "--trace", "a.npz", says=["a.npz", *says])

    def reads(self, data):
        """What fails is what the arrays hold, not the archive."""
        self.refuses(data, "member t.indices.npy", "table t, bag 1: index 7 at position 3 is not in [0, 5)")


class Reads(ZipTest):
    def test_stored_and_deflated(self):
        self.reads(npz(ARRAYS))
        self.reads(npz(ARRAYS, zipfile.ZIP_DEFLATED))

    def test_zip64(self):
        self.reads(zip64(npz(ARRAYS)))
        self.reads(zip64(npz(ARRAYS, zipfile.ZIP_DEFLATED)))

    def test_as_numpy_and_as_streams_write_it(self):
        class Unseekable(io.BytesIO):
            def seekable(self):
                return False

        for file in (io.BytesIO(), Unseekable()):  # the second gets sizes after the data
            with zipfile.ZipFile(file, "w") as archive:
                for name, array in ARRAYS.items():
                    with archive.open(name + ".npy", "w", force_zip64=True) as member:
                        member.write(array)
            self.reads(file.getvalue())

    def test_comments_and_extra_fields(self):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in ARRAYS.items():
                info = zipfile.ZipInfo(name + ".npy")
                info.comment, info.extra = b"PK\5\6 is no end", struct.pack("<HH4x", 0xCAFE, 4)
                archive.writestr(info, array)
            archive.comment = b"PK\5\6" + b"x" * 30
        self.reads(file.getvalue())

    def test_elements_at_every_address(self):
        for length in range(8):
            name = "t" * (length + 1)
            self.write("t.npy", npy([0.0] * 10, (5, 2)))
            self.passes("convert", "t.npy", "--table", "t=" + name, "--format", "f32", "-o", "t.safetensors")
            self.refuses(npz({name + ".indices": INDICES, name + ".offsets": OFFSETS}), "index 7 at position 3")


class Refuses(ZipTest):
    def test_what_is_no_archive(self):
        for data in [b"", b"PK", END, b"x" * 1000, npz(ARRAYS) + b"x"]:
            self.refuses(data, "no zip archive, or cut short")

    def test_every_prefix(self):
        for data in (npz(ARRAYS, zipfile.ZIP_DEFLATED), zip64(npz(ARRAYS))):
            for length in range(0, len(data), 5):
                self.refuses(data[:length], "cut short")

    def test_every_changed_byte(self):
        for data in (npz(ARRAYS, zipfile.ZIP_DEFLATED), zip64(npz({"t.indices": INDICES}))):
            for at in range(0, len(data), 2):
                with self.subTest(at):
                    self.refuses(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])

    def test_damaged_contents(self):
        data = npz(ARRAYS)
        self.refuses(patched(data, data.index(INDICES) + 130, "B", 1), "member t.indices.npy", "byte 43", "CRC-32")
        data = npz(ARRAYS, zipfile.ZIP_DEFLATED)
        self.refuses(patched(data, 43, "B", 0xFF), "member t.indices.npy", "byte 44", "bad or cut short")

    def test_encrypted_and_unknown_methods(self):
        data = npz(ARRAYS)
        self.refuses(patched(data, entry_of(data) + 8, "H", 1), "member t.indices.npy", "encrypted")
        self.refuses(patched(data, entry_of(data) + 8, "H", 1 << 13), "encrypted")
        self.refuses(npz(ARRAYS, zipfile.ZIP_BZIP2), "member t.indices.npy", "method 12 is unknown")

    def test_several_disks(self):
        data = npz(ARRAYS)
        for at in (data.index(END) + 4, data.index(END) + 6, entry_of(data) + 34):
            self.refuses(patched(data, at, "H", 1), "several disks")
        data = zip64(data)
        self.refuses(patched(data, data.index(b"PK\6\6") + 16, "I", 1), "several disks")
        self.refuses(patched(data, data.index(b"PK\6\7") + 16, "I", 2), "several disks")

    def test_directory_elsewhere(self):
        data = npz(ARRAYS)
        self.refuses(b"x" * 10 + data, "does not end where the record begins")
        self.refuses(patched(data, data.index(END) + 12, "I", 2**32 - 1), "does not end where the record begins")
        self.refuses(patched(data, data.index(END) + 8, "I", 0x00030003), "3 members, the directory has 2")
        self.refuses(patched(data, entry_of(data, 1), "I", 0), "no directory entry")
        self.refuses(patched(data, entry_of(data, 1) + 32, "H", 999), "comment", "runs past")
        wide = zip64(data)
        self.refuses(patched(wide, wide.index(b"PK\6\6"), "I", 0), "no zip64 end record")
        self.refuses(patched(wide, wide.index(b"PK\6\7") + 8, "Q", 2**63), "zip64 end record", "runs past")
        self.refuses(patched(wide, wide.index(b"PK\6\6") + 4, "Q", 2**64 - 12), "reaches to its locator")

    def test_local_headers(self):
        data = npz(ARRAYS)
        self.refuses(patched(data, entry_of(data) + 42, "I", 2**32 - 2), "a local header", "runs past")
        self.refuses(patched(data, entry_of(data) + 42, "I", 1), "member t.indices.npy", "no local header")
        self.refuses(patched(data, entry_of(data, 1) + 42, "I", 0), "member t.offsets.npy", "no local header")
        self.refuses(patched(data, 8, "H", 8), "no local header")
        self.refuses(patched(data, 28, "H", 65535), "a member", "runs past")

    def test_64_bit_numbers_that_are_not_there(self):
        data = npz(ARRAYS)
        for at in (20, 24, 42):
            self.refuses(patched(data, entry_of(data) + at, "I", 2**32 - 1), "without its zip64 field")
        wide = zip64(data)
        field = wide.index(struct.pack("<HH", 1, 24))
        self.refuses(patched(wide, field + 2, "H", 16), "lacks a number")
        self.refuses(patched(wide, field, "H", 2), "without its zip64 field")
        self.refuses(patched(wide, field - 6, "H", 60000), "an extra field", "runs past")
        self.refuses(patched(wide, field + 4, "Q", 2**63), "not compressed, but")
        self.refuses(patched(wide, field + 20, "Q", 2**64 - 1), "a local header", "runs past")

    def test_overlapping_members(self):
        inner = npz({"t.offsets": OFFSETS})
        outer = npz({"t.indices": inner, "t.offsets": OFFSETS})
        inside = outer.index(LOCAL, 1)
        self.refuses(patched(outer, outer.rindex(ENTRY) + 42, "I", inside),
                     "member t.indices.npy", f"byte {inside}", "into member t.offsets.npy")

    def test_member_that_reaches_into_the_directory(self):
        data = npz({"t.indices": INDICES})
        begin = data.index(ENTRY)
        for at in (20, 24):
            data = patched(data, begin + at, "I", len(INDICES) + 1)
        self.refuses(data, f"byte {begin}", "into the directory")

    def test_names_that_repeat(self):
        self.refuses(npz([("t.indices", INDICES), ("t.indices", INDICES)]), "member t.indices.npy", "same name")

    def test_bombs(self):
        zeros = npy([0] * 1_000_000, (1_000_000,), "i8")
        data = npz({"t.indices": zeros, "t.offsets": OFFSETS}, zipfile.ZIP_DEFLATED)
        size = entry_of(data) + 24
        self.refuses(patched(data, size, "I", 100), "member t.indices.npy", "inflates to more than its 100 bytes")
        self.refuses(patched(data, size, "I", len(zeros) + 1), f"inflates to {len(zeros)} bytes instead of")
        self.refuses(patched(data, size, "I", 2**32 - 2), "cannot inflate to")
        self.refuses(patched(npz(ARRAYS), entry_of(npz(ARRAYS)) + 24, "I", 5), "not compressed, but")

    def test_more_than_the_memory(self):
        packed = 3 << 30  # of zeros, which are not read: the archive is a hole in the file
        local = LOCAL + struct.pack("<5H3I2H", 45, 0, 8, 0, 0, 0, 0, 0, 13, 0) + b"t.indices.npy"
        begin = len(local) + packed
        extra = struct.pack("<HHQ", 1, 8, packed * 1000)
        sizes = (0, packed, 2**32 - 1, 13, len(extra), 0, 0, 0, 0, 0)
        entry = ENTRY + struct.pack("<6H3I5H2I", 45, 45, 0, 8, 0, 0, *sizes) + b"t.indices.npy" + extra
        with open(self.path("a.npz"), "wb") as file:
            file.write(local)
            file.seek(begin)
            file.write(with_end(entry, 1, begin, len(entry)))
        self.fails("bench", "t.safetensors", "--trace", "a.npz", says=["a.npz", "memory of this machine"])

    def test_bytes_after_deflated_data(self):
        data = npz({"t.indices": INDICES, "t.offsets": OFFSETS}, zipfile.ZIP_DEFLATED)
        packed = struct.unpack_from("<I", data, entry_of(data) + 20)[0]
        second = data.index(LOCAL, 1)
        shifted = data[:second] + b"x" + data[second:]
        begin = data.index(ENTRY) + 1
        shifted = patched(shifted, entry_of(shifted) + 20, "I", packed + 1)
        shifted = patched(shifted, entry_of(shifted, 1) + 42, "I", second + 1)
        shifted = patched(shifted, shifted.index(END) + 16, "I", begin)
        self.refuses(shifted, "member t.indices.npy", "1 bytes after the end of deflated data")
