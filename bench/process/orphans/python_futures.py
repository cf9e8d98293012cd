# SPDX-License-Identifier: MIT
"""Python's concurrent.futures.ProcessPoolExecutor."""
import concurrent.futures
import multiprocessing

import question


def contender():
    pool = concurrent.futures.ProcessPoolExecutor(question.workers(), multiprocessing.get_context("fork"))
    return pool, [pool.submit(question.task) for _ in range(question.workers())]


if __name__ == "__main__":
    question.main(contender)
