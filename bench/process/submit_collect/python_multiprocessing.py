# SPDX-License-Identifier: MIT
"""Python's multiprocessing.Pool."""
import contextlib
import multiprocessing

import question


@contextlib.contextmanager
def contender():
    with multiprocessing.get_context("fork").Pool(question.workers()) as pool:
        yield lambda count: [r.get() for r in [pool.apply_async(question.task, (i,)) for i in range(count)]]


if __name__ == "__main__":
    question.main(contender)
