#!/usr/bin/env python3
"""check_install.py BUILD_DIR SOURCE_DIR COMPILER...: what `meson install` puts somewhere is found by pkg-config and
by CMake's find_package, and the program of README.md runs with it; a project that has rowpool as a subproject builds the
library alone.

CMake's part is skipped, and said to be, where cmake does not run."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BUILD, SOURCE, *COMPILER = sys.argv[1:]
# The meson that set the build folder up: another one on PATH may be of a version that refuses it.
MESON = re.search(r"^ command = (.*) --internal regenerate ", (Path(BUILD) / "build.ninja").read_text(), re.M)[1].split()
PROGRAM = Path(SOURCE) / "examples/first_lookup.cpp"
COLOURS = "red 1 0 0\ngreen 0 1 0\nblue 0 0 1\n"
EXPECTED = "0.5 0 0.5 0 1 0 "
# Nothing of the surroundings helps a program to find the library, or pkg-config to find other packages.
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.startswith(("LD_", "PKG_CONFIG", "CMAKE", "MESON", "DESTDIR", "NINJA"))}


def run(*command, **options):
    options = {"env": ENVIRONMENT, "check": True, "text": True, "stdout": subprocess.PIPE, **options}
    return subprocess.run([str(word) for word in command], **options).stdout


def introspect(what, folder):
    return json.loads(run(*MESON, "introspect", what, folder))


def install(folder):
    """Returns the prefix below `folder`."""
    run(*MESON, "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder)
    options = {option["name"]: option["value"] for option in introspect("--buildoptions", BUILD)}
    prefix = Path(f"{folder}{options['prefix']}")
    return prefix, prefix / options["libdir"], prefix / options["bindir"]


def check_program(program, folder):
    output = run(program, cwd=folder)
    if output != EXPECTED:
        sys.exit(f"{program} printed: {output}")


def check_pkg_config(prefix, libdir, folder):
    environment = {**ENVIRONMENT, "PKG_CONFIG_LIBDIR": str(libdir / "pkgconfig")}
    flags = run("pkg-config", f"--define-variable=prefix={prefix}", "--cflags", "--libs", "rowpool",
                env=environment).split()
    print("pkg-config:", *flags)
    run(*COMPILER, "-std=c++20", PROGRAM, *flags, "-o", folder / "by_pkg_config")
    check_program(folder / "by_pkg_config", folder)


def check_cmake(prefix, folder):
    cmake = shutil.which("cmake")
    if cmake is None or subprocess.run([cmake, "--version"], capture_output=True).returncode != 0:
        print("cmake: skipped, there is none")
        return
    (folder / "CMakeLists.txt").write_text(f"""cmake_minimum_required(VERSION 3.16)
project(program CXX)
find_package(rowpool 0.1 REQUIRED)
add_executable(by_cmake {PROGRAM})
target_link_libraries(by_cmake rowpool::rowpool)
""")
    run(cmake, "-S", folder, "-B", folder / "cmake", f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_COMPILER={shutil.which(COMPILER[-1])}")
    run(cmake, "--build", folder / "cmake")
    check_program(folder / "cmake/by_cmake", folder)
    print("cmake: found")


def check_subproject(folder):
    project = folder / "around"
    (project / "subprojects").mkdir(parents=True)
    (project / "subprojects/rowpool").symlink_to(SOURCE)
    (project / "main.cpp").write_text("int main() {}\n")
    (project / "meson.build").write_text("""project('around', 'cpp', default_options: ['cpp_std=c++20'])
executable('main', 'main.cpp', dependencies: dependency('rowpool', fallback: 'rowpool'))
""")
    run(*MESON, "setup", project / "build", project, "-Drowpool:isas=generic",
        env={**ENVIRONMENT, "CXX": " ".join(COMPILER)})
    targets = {target["name"] for target in introspect("--targets", project / "build")}
    allowed = {"main", "rowpool", "rowpool_core", "rowpool_files", "rowpool_internal", "rowpool_support",
               "kernels_generic"}
    targets = {name for name in targets if not name.startswith("kernels_generic_")}  # one for each codec
    if targets != allowed:
        sys.exit(f"a subproject builds {sorted(targets)}, not {sorted(allowed)}")
    print("subproject: the library alone")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prefix, libdir, bindir = install(folder / "root")
        if not (bindir / "rowpool").exists():
            print("skipped: without the command there is no file to look up in")
            sys.exit(77)
        (folder / "colours.txt").write_text(COLOURS)
        run(bindir / "rowpool", "convert", "colours.txt", "-o", "colours.safetensors", "--format", "f32", cwd=folder)
        check_pkg_config(prefix, libdir, folder)
        check_cmake(prefix, folder)
        check_subproject(folder)


main()
