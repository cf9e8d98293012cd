# SPDX-License-Identifier: MIT
"""The question of question.hpp, for contenders in Python, with bytes instead of integers."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness import program, require  # noqa: E402

prepared = b""


def read(data):
    return data[0] + data[-1]


def make(count):
    global prepared
    if len(prepared) != count:
        prepared = b"\1" * count
    return prepared


def main(contender):
    """`contender()` is a context manager whose value is called with a function and its argument."""
    here = program()
    with contender() as run:
        for mebibytes, samples in ((1, 100), (64, 5)):
            count = here.scaled(mebibytes << 20)
            data = b"\1" * count
            for row, call in (("there", lambda: run(read, data)), ("back", lambda: read(run(make, count)))):
                call()
                rates = []
                for _ in range(here.scaled(samples)):
                    start = time.perf_counter()
                    result = call()
                    rates.append(1e-9 * count / (time.perf_counter() - start))
                    require(result == 2, "a result is wrong")
                here.add(f"process/bandwidth/{mebibytes}MiB/{row}", "GB/s", rates)
    here.write()
