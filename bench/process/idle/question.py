# SPDX-License-Identifier: MIT
"""The question of question.hpp, for contenders in Python."""
import multiprocessing
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness import program, require, workers  # noqa: E402, F401


def task(i):
    return i + 1


def private_kibibytes(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    return sum(int(size) for size in re.findall(r"^Private_(?:Clean|Dirty): +(\d+)", text, re.M))


def processor_seconds(pids):
    of_workers = (pathlib.Path(f"/proc/{pid}/schedstat").read_text(encoding="utf-8") for pid in pids)
    return time.process_time() + sum(1e-9 * int(text.split()[0]) for text in of_workers)


def main(contender):
    """`contender()` is a context manager whose value, called with i, has another process compute task(i)."""
    here = program()
    with contender() as run:
        for i in range(1000):
            require(run(i) == i + 1, "a result is wrong")
        pids = [process.pid for process in multiprocessing.active_children()]
        here.add("process/idle/memory", "KiB a worker", [sum(map(private_kibibytes, pids)) / len(pids)])
        time.sleep(0.1)
        window = 0.01 if here.quick else 0.5
        before = processor_seconds(pids)
        time.sleep(window)
        here.add("process/idle/cpu", "ms of CPU a second", [1e3 * (processor_seconds(pids) - before) / window])
    here.write()
