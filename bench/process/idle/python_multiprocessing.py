# SPDX-License-Identifier: MIT
"""Python's multiprocessing.Pool."""
import contextlib
import multiprocessing

import question


@contextlib.contextmanager
def contender():
    with multiprocessing.get_context("fork").Pool(question.workers()) as pool:
        yield lambda i: pool.apply_async(question.task, (i,)).get()


if __name__ == "__main__":
    question.main(contender)
