# SPDX-License-Identifier: MIT
"""The question of question.hpp, for contenders in Python."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness import program, require, workers  # noqa: E402, F401


def task(i):
    return i + 1


def main(contender):
    """`contender()` is a context manager whose value, called with i, has another process compute task(i)."""
    here = program()
    with contender() as run:
        for i in range(20):
            run(i)
        for row, trips, pause in (("", 1_000, 0), ("/after_pause", 1_000, 300e-6)):
            seconds = []
            for i in range(here.scaled(trips)):
                if pause:
                    time.sleep(pause)
                start = time.perf_counter()
                result = run(i)
                seconds.append(time.perf_counter() - start)
                require(result == i + 1, "a result is wrong")
            here.add(f"process/round_trip{row}", "us", [1e6 * s for s in seconds], tail=True)
    here.write()
