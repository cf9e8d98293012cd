# SPDX-License-Identifier: MIT
"""Python's concurrent.futures.ProcessPoolExecutor."""
import concurrent.futures
import multiprocessing
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness import program, require  # noqa: E402

died = multiprocessing.get_context("fork").RawValue("d")


def die():
    died.value = time.perf_counter()
    os.kill(os.getpid(), signal.SIGKILL)


def main():
    here = program()
    times = []
    for _ in range(here.scaled(50)):
        with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
            try:
                pool.submit(die).result()
            except concurrent.futures.process.BrokenProcessPool:
                times.append(1e6 * (time.perf_counter() - died.value))
    require(times, "the worker has survived")
    here.add("process/death/seen", "us", times)
    here.unable("process/death/replaced", "breaks: the whole pool is of no use any more")
    here.write()


if __name__ == "__main__":
    main()
