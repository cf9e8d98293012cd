# SPDX-License-Identifier: MIT
"""Python's multiprocessing.Pool."""
import contextlib
import multiprocessing

import question


@contextlib.contextmanager
def contender():
    with multiprocessing.get_context("fork").Pool(question.workers()) as pool:
        yield lambda items, chunk: pool.map(question.task, items, chunk)


if __name__ == "__main__":
    question.main(contender)
