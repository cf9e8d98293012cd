# SPDX-License-Identifier: MIT
"""Python's multiprocessing.Pool."""
import multiprocessing
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness import program, require  # noqa: E402


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def main():
    here = program()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        lost = pool.apply_async(die)
        lost.wait(0.1 if here.quick else 1)
        require(not lost.ready(), "the worker has survived")
    for row in ("seen", "replaced"):
        here.unable(f"process/death/{row}", "never answers for a task whose worker has died")
    here.write()


if __name__ == "__main__":
    main()
