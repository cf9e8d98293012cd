# SPDX-License-Identifier: MIT
"""The question of question.hpp, for contenders in Python."""
import ctypes
import multiprocessing
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness import program, workers  # noqa: E402, F401

PR_SET_CHILD_SUBREAPER = 36
busy = multiprocessing.get_context("fork").Value("i")


def task():
    with busy.get_lock():
        busy.value += 1
    signal.pause()


def anything_left():
    try:
        os.waitpid(-1, os.WNOHANG)
        return True
    except ChildProcessError:
        return False


def end_children():
    """Ends what was left behind and says how many that were."""
    count = 0
    while children := pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        os.kill(int(children[0]), signal.SIGKILL)
        os.waitpid(int(children[0]), 0)
        count += 1
    return count


def main(contender):
    """`contender()` makes a pool whose workers all run `task`."""
    here = program()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    times = []
    for _ in range(here.scaled(5)):
        busy.value = 0
        victim = os.fork()
        if victim == 0:
            pool = contender()  # noqa: F841
            signal.pause()
        while busy.value != workers():
            time.sleep(0.001)
        start = time.perf_counter()
        os.kill(victim, signal.SIGKILL)
        while anything_left() and time.perf_counter() - start < 0.5:
            time.sleep(20e-6)
        times.append(1e3 * (time.perf_counter() - start))
        if left := end_children():
            here.unable("process/orphans", f"leaves {left} processes behind")
            here.write()
            return
    here.add("process/orphans", "ms", times)
    here.write()
