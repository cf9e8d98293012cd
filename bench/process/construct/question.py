# SPDX-License-Identifier: MIT
"""The question of question.hpp, for contenders in Python."""
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness import program, require, workers  # noqa: E402, F401


def task(i):
    return i + 1


def measure(contender, count):
    """How long `count` pools took to start and to stop, in us."""
    start, stop = [], []
    for _ in range(count):
        began = time.perf_counter()
        with contender() as run:
            result = run(1)
            start.append(1e6 * (time.perf_counter() - began))
            require(result == 2, "a result is wrong")
            began = time.perf_counter()
        stop.append(1e6 * (time.perf_counter() - began))
    return start, stop


def main(contender):
    """`contender()` is a context manager whose value, called with i, has another process compute task(i)."""
    here = program()
    start, stop = measure(contender, here.scaled(50))
    here.add("process/construct/start", "us", start)
    here.add("process/construct/stop", "us", stop)
    ballast = bytearray(here.scaled(2**30))
    for i in range(0, len(ballast), 4096):
        ballast[i] = 1
    end = threading.Event()
    threads = [threading.Thread(target=end.wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    here.add("process/construct/start_big", "us", measure(contender, here.scaled(20))[0])
    end.set()
    here.write()
