"""What the tests share: a folder and a way to run the command for each test, and files written and read by hand."""
import io
import json
import math
import os
import shutil
import struct
import subprocess
import tempfile
import time
import unittest
import warnings
import zipfile

ROWPOOL = None  # path of the command, set by run.py


def anonymous_bytes(pid):
    """Memory of a process that is no file's; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Anonymous:"))
    except ProcessLookupError:
        return 0


def is_sanitized():
    """Whether the command has the address sanitizer in it, which puts room around every value."""
    with open(ROWPOOL, "rb") as file:
        return b"__asan_init" in file.read()


class CommandTest(unittest.TestCase):
    """A test in an empty folder of its own, which is the working folder of the commands it runs."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="rowpool-cli-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return name

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def run_command(self, *args, env=None, **options):
        return subprocess.run([ROWPOOL, *args], cwd=self.folder, capture_output=True, timeout=60,
                              env={**os.environ, **(env or {})}, **options)

    def run_measured(self, *args):
        """Runs the command; its process, which has ended, and the most bytes of memory seen that were no file's."""
        environment = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=8"}  # a sanitizer keeps what was freed
        process = subprocess.Popen([ROWPOOL, *args], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment)
        peak = 0
        while process.poll() is None:
            peak = max(peak, anonymous_bytes(process.pid))
            time.sleep(0.002)
        return process, peak

    def passes(self, *args, **options):
        """Runs the command, which must succeed without a word on standard error; its standard output."""
        done = self.run_command(*args, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), args)
        return done.stdout.decode()

    def fails(self, *args, says=(), status=1, **options):
        """Runs the command, which must fail with one line that holds all of `says`, and change no file."""
        before = self.contents()
        done = self.run_command(*args, **options)
        line = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (status, b""), (args, line))
        self.assertRegex(line, r"\Arowpool: [^\n]+\n\Z")
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, line)
        self.assertEqual(self.contents(), before, "a file was left behind or changed")
        return line

    def contents(self):
        """Every file of the folder with its size and its time of change."""
        stats = {name: os.stat(self.path(name)) for name in sorted(os.listdir(self.folder))}
        return {name: (stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats.items()}

    def convert(self, *inputs, form="int8", out="out.safetensors"):
        """Converts and returns the new file, read by hand."""
        self.passes("convert", *inputs, "--format", form, "-o", out)
        return Safetensors(self.read(out))

    def table_as_f32(self, name):
        """The rows that convert reads from an input file."""
        file = self.convert(name, form="f32", out="as-f32.safetensors")
        (table,) = file.tables()
        return file.rows_f32(table)


class ConvertTest(CommandTest):
    """Of what convert says when it does less than it was asked."""

    def warns(self, *args, says=()):
        """Runs convert, which must succeed with one line on standard error for each of `says`; the new file."""
        done = self.run_command("convert", *args, "-o", "out")
        lines = done.stderr.decode().splitlines()
        self.assertEqual((done.returncode, len(lines)), (0, len(says)), done.stderr)
        for line, parts in zip(lines, says):
            for part in [parts] if isinstance(parts, str) else parts:
                self.assertIn(part, line)
        return Safetensors(self.read("out"))

    def refuses(self, name, *says, options=()):
        return self.fails("convert", name, *options, "-o", "out", says=[name, *says])


class Safetensors:
    """A safetensors file: `header` without its metadata, `metadata` and the bytes of each tensor."""

    def __init__(self, data):
        (length,) = struct.unpack_from("<Q", data)
        self.header = json.loads(data[8 : 8 + length])
        self.metadata = self.header.pop("__metadata__", {})
        self.data = data[8 + length :]
        self.data_offset = 8 + length

    def tables(self):
        """Names of the tables, in the order of their bytes."""
        names = json.loads(self.metadata["rowpool"])["tables"]
        return sorted(names, key=lambda name: self.header[name]["data_offsets"])

    def record(self, table):
        """What the metadata say of a table."""
        return json.loads(self.metadata["rowpool"])["tables"][table]

    def tensor(self, name):
        begin, end = self.header[name]["data_offsets"]
        return self.data[begin:end]

    def rows_f32(self, name):
        rows, dim = self.header[name]["shape"]
        values = struct.unpack(f"<{rows * dim}f", self.tensor(name))
        return [list(values[row * dim : (row + 1) * dim]) for row in range(rows)]


def safetensors(tensors):
    """A foreign file's bytes, of {name: (dtype, shape, bytes)}."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


CODES = {"f2": "e", "f4": "f", "f8": "d", "i4": "i", "i8": "q"}


def npy_raw(header, data=b"", version=1):
    """A .npy file's bytes with any text as header."""
    text = header.encode()
    text += b" " * (-(len(text) + (11 if version == 1 else 13)) % 64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def npy_header(descr, shape, fortran=False):
    return repr({"descr": descr, "fortran_order": fortran, "shape": tuple(shape)})


def npy(values, shape, dtype="f4", order="<", fortran=False, version=1):
    """A .npy file's bytes; `values` are in the order of the file."""
    data = struct.pack(f"{'>' if order == '>' else '<'}{len(values)}{CODES[dtype]}", *values)
    return npy_raw(npy_header(order + dtype, shape, fortran), data, version)


def read_npy(data):
    """(descr, shape, values) of a version 1 file in C order; "<V2" gives bfloat16 widened to f32."""
    (length,) = struct.unpack_from("<H", data, 8)
    header = eval(data[10 : 10 + length].decode())  # our own output
    assert data[:8] == b"\x93NUMPY\x01\x00" and (10 + length) % 64 == 0 and not header["fortran_order"]
    count = math.prod(header["shape"])
    if header["descr"] == "<V2":
        bits = struct.unpack(f"<{count}H", data[10 + length :])
        return "<V2", header["shape"], [struct.unpack("<f", struct.pack("<I", b << 16))[0] for b in bits]
    values = struct.unpack(f"<{count}{CODES[header['descr'][1:]]}", data[10 + length :])
    return header["descr"], header["shape"], list(values)


def npz(arrays, compression=zipfile.ZIP_STORED):
    """A .npz archive's bytes, of {name: bytes of a .npy file} or of such pairs."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that repeat
        for name, array in arrays.items() if isinstance(arrays, dict) else arrays:
            archive.writestr(zipfile.ZipInfo(name + ".npy"), array, compression)
    return data.getvalue()


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def f16(value):
    return struct.unpack("<e", struct.pack("<e", value))[0]


def int8_row(row):
    """Codes, f32 scale and f32 bias of a row of f32 values: torch.ops.quantized.embedding_bag_byte_prepack."""
    low = min(row)
    width = f32(max(row) - low)
    inverse = f32(255 / f32(width + f32(1e-8)))
    codes = [round(f32(f32(x - low) * inverse)) for x in row]
    return bytes(codes) + struct.pack("<ff", f32(width / 255), low)


def int4_row(row):
    """Packed codes, f16 scale and f16 bias: torch.ops.quantized.embedding_bag_4bit_prepack."""
    low = f16(min(row))
    width = f32(max(row) - low)
    scale = f16(f32(width / 15)) if width != 0 else 1.0
    scale = scale or 1.0
    inverse = f32(1 / scale)
    codes = [min(15, max(0, round(f32(f32(x - low) * inverse)))) for x in row] + [0] * (len(row) % 2)
    return bytes(a | b << 4 for a, b in zip(codes[::2], codes[1::2])) + struct.pack("<ee", scale, low)


def random_rows(rng, rows, dim):
    """Rows of f32 values around zero."""
    return [[f32(rng.gauss(0, 1)) for _ in range(dim)] for _ in range(rows)]


def flat(rows):
    return [value for row in rows for value in row]
