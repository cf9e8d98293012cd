# SPDX-License-Identifier: MIT
"""What does it cost to compile a file that gives one task to a pool and waits for its result?

Timed: the processor time of `c++ -std=c++20 -O2 -c` (or of the compiler that the environment variable CXX names; C++23
where a peer wants that). Counted: the lines that are left of the file and its headers after preprocessing, without empty
ones. Checked: that the file compiles. A peer whose headers are not where the compiler looks by itself needs CPLUS_INCLUDE_PATH.
"""
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "bench"))
from harness import program, require  # noqa: E402


def processor_time():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(source, standard="c++20"):
    """`source` is the whole file."""
    here = program()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = pathlib.Path(folder, "once.cpp")
        file.write_text(source, encoding="utf-8")
        compiler = [os.environ.get("CXX", "c++"), f"-std={standard}", f"-I{ROOT / 'include'}", str(file)]

        text = subprocess.run([*compiler, "-E", "-P"], check=True, capture_output=True, text=True).stdout
        lines = sum(1 for line in text.splitlines() if line.strip())

        before = processor_time()
        done = subprocess.run([*compiler, "-O2", "-c", "-o", os.devnull], capture_output=True, text=True)
        seconds = processor_time() - before
        require(done.returncode == 0, done.stderr)
    here.add("thread/compile", "s", [seconds])
    here.add("thread/compile/lines", "lines", [lines])
    here.write()
