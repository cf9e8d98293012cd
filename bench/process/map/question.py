# SPDX-License-Identifier: MIT
"""The question of question.hpp, for contenders in Python: with a tenth of the items."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness import program, require, workers  # noqa: E402, F401


def task(i):
    return i + 1


def main(contender):
    """`contender()` is a context manager whose value is called with items and a chunk size, None for its choice."""
    here = program()
    with contender() as run:
        for row, count, chunk in (("chunk_1", 10_000, 1), ("auto", 100_000, None)):
            items = range(here.scaled(count))
            rates = []
            for _ in range(3):
                start = time.perf_counter()
                results = list(run(items, chunk))
                rates.append(1e-6 * len(items) / (time.perf_counter() - start))
                require(results == [i + 1 for i in items], "a result is wrong")
            here.add(f"process/map/{row}", "M items/s", rates)
    here.write()
