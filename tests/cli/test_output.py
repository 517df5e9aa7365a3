"""Output files appear whole or not at all: interrupts, full disks, folders; and the progress bar."""
import os
import pty
import resource
import signal
import struct
import subprocess
import time

import support
from support import CommandTest, Safetensors, npy, npy_header, npy_raw


class BigInput(CommandTest):
    """A convert of a matrix of zeros that takes no disk."""

    ROWS = 1_000_000
    DIM = 128

    def setUp(self):
        super().setUp()
        header = npy_raw(npy_header("<f4", (self.ROWS, self.DIM)))
        self.write("big.npy", header)
        os.truncate(self.path("big.npy"), len(header) + self.ROWS * self.DIM * 4)

    def start(self, stderr, *args, **options):
        command = [support.ROWPOOL, *(args or ["convert", "big.npy", "--format", "int4", "-o", "out"])]
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=stderr, **options)


def open_files(pid):
    """Paths of the files that a process has open."""
    paths = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            paths.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass  # closed meanwhile
    return paths


class Memory(BigInput):
    def test_private_memory_stays_small(self):
        self.check_peak()
        self.check_peak("verify", "out", "--against", "big.npy")

    def test_names_take_no_private_memory(self):
        """80 MB of them, in each of the formats that have any."""
        names = [b"%0200d" % i for i in range(400_000)]
        value = struct.pack("<f", 0.5)
        header = b"400000 1\n"
        self.write("w.bin", header + b"".join(name + b" " + value for name in names))
        self.write("w.txt", header + b"".join(name + b" 0.5\n" for name in names))
        arguments = struct.pack("<2i12id3i2q", 793712314, 12, 1, *[0] * 11, 0.0, len(names), len(names), 0, 0, 0)
        matrix = struct.pack("<?2q", False, len(names), 1) + value * len(names)
        self.write("f.bin", arguments + b"".join(name + b"\0" + bytes(9) for name in names) + matrix)
        for source in ("w.bin", "w.txt", "f.bin", "out"):
            with self.subTest(source):
                self.check_peak("convert", source, "-o", "out", "--report", "report.html")
        file = Safetensors(self.read("out"))
        self.assertEqual(file.tensor(file.record("f")["names"]), b"\n".join(names))

    def check_peak(self, *args):
        process, peak = self.run_measured(*(args or ["convert", "big.npy", "--format", "int4", "-o", "out"]))
        self.assertEqual((process.returncode, process.communicate()[1]), (0, b""))
        self.assertTrue(0 < peak < (220e6 if support.is_sanitized() else 150e6), peak)


class LongWork(BigInput):
    """A convert that takes seconds, stopped on the way."""

    ROWS = 32_000_000

    def start_writing(self):
        """Returns when the command has its output file, under whatever name it has until it is whole."""
        process = self.start(subprocess.PIPE)
        while not any(path.startswith(self.folder) and "big.npy" not in path for path in open_files(process.pid)):
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        time.sleep(0.1)
        return process

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                self.write("out", b"precious")
                process = self.start_writing()
                process.send_signal(number)
                out, err = process.communicate(timeout=30)
                self.assertEqual((process.returncode, out, err), (1, b"", b"rowpool: interrupted\n"))
                self.assertEqual(sorted(os.listdir(self.folder)), ["big.npy", "out"])
                self.assertEqual(self.read("out"), b"precious")

    def test_killed(self):
        process = self.start_writing()
        process.kill()
        process.communicate(timeout=30)
        self.assertNotIn("out", os.listdir(self.folder))

    def test_progress_on_a_terminal(self):
        try:
            ours, theirs = pty.openpty()
        except OSError as error:  # a bare chroot may have no /dev/pts
            self.skipTest(f"no pseudo-terminal: {error}")
        process = self.start(theirs)
        os.close(theirs)
        shown = b""
        while b"s left" not in shown:
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        while not shown.endswith(b"interrupted\r\n"):
            shown += os.read(ours, 4096)
        os.close(ours)
        self.assertRegex(shown, rb"\r\x1b\[Kconverting \[[#.]{30}\] +\d+%  \d+ MB/s  \d+ s left")
        self.assertTrue(shown.endswith(b"\r\x1b[Krowpool: interrupted\r\n"), "the bar is cleared first")

    def test_no_progress_in_a_pipe(self):
        process = self.start_writing()
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.communicate(timeout=30)[1], b"rowpool: interrupted\n")


class NoSpace(CommandTest):
    def setUp(self):
        super().setUp()
        self.write("a.npy", npy([float(i) for i in range(800_000)], (100_000, 8)))

    def test_file_size_limit(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
        self.fails("convert", "a.npy", "-o", "out", says=["out", "File too large"], preexec_fn=limit)
        self.passes("convert", "a.npy", "-o", "t")
        self.fails("export", "t", "a", "-o", "out.npy", says=["out.npy", "File too large"], preexec_fn=limit)

    def test_full_disk(self):
        os.mkdir(self.path("small"))
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.path("small")]
        mounted = subprocess.run(mount, capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a tmpfs cannot be mounted here")
        try:
            self.write("small/out", b"precious")
            self.fails("convert", "a.npy", "-o", "small/out", says=["small/out", "No space left on device"])
            self.assertEqual(os.listdir(self.path("small")), ["out"])
            self.assertEqual(self.read("small/out"), b"precious")
        finally:
            subprocess.run(["umount", self.path("small")], check=True)

    def test_folders(self):
        os.mkdir(self.path("folder"))
        self.fails("convert", "a.npy", "-o", "no/out", says=["no/out", "No such file or directory"])
        self.fails("convert", "a.npy", "-o", "a.npy/out", says=["a.npy/out", "Not a directory"])
        self.fails("convert", "a.npy", "-o", "folder", says="folder")

    def test_full_standard_output_after_the_file_is_written(self):
        indices = self.write("i.npy", npy([1], (1,), "i8"))
        self.passes("convert", "a.npy", "-o", "t")
        for args in [["convert", "a.npy"], ["export", "t", "a"],
                     ["pool", "t", "a", "--indices", indices, "--mode", "none"]]:
            with self.subTest(args), open("/dev/full", "wb") as full:
                done = subprocess.run([support.ROWPOOL, *args, "-o", "new"], cwd=self.folder, stdout=full,
                                      stderr=subprocess.PIPE)
                self.assertEqual((done.returncode, done.stderr), (
                    1, b"rowpool: wrote new, but cannot write to standard output: No space left on device\n"))
                os.remove(self.path("new"))

    def test_folder_that_cannot_be_written(self):
        if os.geteuid() == 0:
            self.skipTest("root may write everywhere")
        os.mkdir(self.path("folder"), 0o500)
        self.fails("convert", "a.npy", "-o", "folder/out", says=["folder/out", "Permission denied"])

    def test_a_new_file_has_the_permissions_of_any_new_file(self):
        self.passes("convert", "a.npy", "-o", "out", preexec_fn=lambda: os.umask(0o027))
        self.assertEqual(os.stat(self.path("out")).st_mode & 0o777, 0o640)
