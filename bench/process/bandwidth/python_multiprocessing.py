# SPDX-License-Identifier: MIT
"""Python's multiprocessing.Pool."""
import contextlib
import multiprocessing

import question


@contextlib.contextmanager
def contender():
    with multiprocessing.get_context("fork").Pool(1) as pool:
        yield lambda function, argument: pool.apply_async(function, (argument,)).get()


if __name__ == "__main__":
    question.main(contender)
