# SPDX-License-Identifier: MIT
"""Python's multiprocessing.Pool."""
import multiprocessing

import question


def contender():
    pool = multiprocessing.get_context("fork").Pool(question.workers())
    return pool, [pool.apply_async(question.task) for _ in range(question.workers())]


if __name__ == "__main__":
    question.main(contender)
