# SPDX-License-Identifier: MIT
"""Python's concurrent.futures.ProcessPoolExecutor."""
import concurrent.futures
import contextlib
import multiprocessing

import question


@contextlib.contextmanager
def contender():
    workers = question.workers()
    with concurrent.futures.ProcessPoolExecutor(workers, multiprocessing.get_context("fork")) as pool:
        yield lambda i: pool.submit(question.task, i).result()


if __name__ == "__main__":
    question.main(contender)
