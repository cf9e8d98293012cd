# SPDX-License-Identifier: MIT
"""Python's multiprocessing.Pool."""
import contextlib
import multiprocessing

import question


@contextlib.contextmanager
def contender():
    pool = multiprocessing.get_context("fork").Pool(question.workers())
    yield lambda i: pool.apply_async(question.task, (i,)).get()
    pool.close()
    pool.join()


if __name__ == "__main__":
    question.main(contender)
