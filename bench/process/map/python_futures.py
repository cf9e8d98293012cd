# SPDX-License-Identifier: MIT
"""Python's concurrent.futures.ProcessPoolExecutor, which does not choose chunks itself."""
import concurrent.futures
import contextlib
import multiprocessing

import question


@contextlib.contextmanager
def contender():
    workers = question.workers()
    with concurrent.futures.ProcessPoolExecutor(workers, multiprocessing.get_context("forkserver")) as pool:
        yield lambda items, chunk: pool.map(question.task, items, chunksize=chunk or 100)


if __name__ == "__main__":
    question.main(contender)
