# SPDX-License-Identifier: MIT
"""Python's ProcessPoolExecutor and SharedMemory, which each task attaches by its name."""
import concurrent.futures
import multiprocessing
import pathlib
import sys
import time
from multiprocessing import shared_memory

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness import program, require, workers  # noqa: E402


def task(name):
    memory = shared_memory.SharedMemory(name)
    total = memory.buf[0] + memory.buf[memory.size - 1]
    memory.close()
    return total


def main():
    here = program()
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(workers(), context) as pool:
        for row, size in (("64KiB", 64 << 10), ("64MiB", 64 << 20)):
            memory = shared_memory.SharedMemory(create=True, size=size)
            try:
                for at in range(0, size, 4096):
                    memory.buf[at] = 1
                memory.buf[size - 1] = 1
                times = []
                for _ in range(here.scaled(1000)):
                    start = time.perf_counter()
                    total = pool.submit(task, memory.name).result()
                    times.append(1e6 * (time.perf_counter() - start))
                    require(total == 2, "a worker has seen something else")
                here.add(f"process/shared/{row}", "us", times, tail=True)
            finally:
                memory.close()
                memory.unlink()
    here.write()


if __name__ == "__main__":
    main()
