# SPDX-License-Identifier: MIT
"""Python's concurrent.futures.ProcessPoolExecutor."""
import concurrent.futures
import contextlib
import multiprocessing

import question


@contextlib.contextmanager
def contender():
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as pool:
        yield lambda function, argument: pool.submit(function, argument).result()


if __name__ == "__main__":
    question.main(contender)
