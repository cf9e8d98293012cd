# SPDX-License-Identifier: MIT
"""Python's concurrent.futures.ProcessPoolExecutor."""
import concurrent.futures
import contextlib
import multiprocessing

import question


@contextlib.contextmanager
def contender():
    workers = question.workers()
    with concurrent.futures.ProcessPoolExecutor(workers, multiprocessing.get_context("forkserver")) as pool:
        yield lambda count: [f.result() for f in [pool.submit(question.task, i) for i in range(count)]]


if __name__ == "__main__":
    question.main(contender)
