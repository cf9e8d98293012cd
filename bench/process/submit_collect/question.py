# SPDX-License-Identifier: MIT
"""The question of question.hpp, for contenders in Python: with a tenth of the tasks."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness import program, require, workers  # noqa: E402, F401


def task(i):
    return i + 1


def main(contender):
    """`contender()` is a context manager whose value, called with a number of tasks, yields their results."""
    here = program()
    count = here.scaled(10_000)
    with contender() as run:
        rates = []
        for _ in range(3):
            start = time.perf_counter()
            total = sum(run(count))
            rates.append(1e-6 * count / (time.perf_counter() - start))
            require(total == count * (count + 1) // 2, "a result is wrong")
    here.add("process/submit_collect", "M tasks/s", rates)
    here.write()
