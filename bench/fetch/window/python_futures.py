# SPDX-License-Identifier: MIT
"""Python's concurrent.futures.ThreadPoolExecutor."""
import concurrent.futures
import itertools
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from harness import program, require  # noqa: E402

# As in question.hpp.
WINDOW, ROWS_A_PAGE, LATENCY = 8, 100, 0.010


def page_at(offset):
    time.sleep(LATENCY)
    return list(range(offset, offset + ROWS_A_PAGE))


def main():
    here = program()
    pages = WINDOW + 1 if here.quick else 44
    samples = []
    with concurrent.futures.ThreadPoolExecutor(WINDOW) as pool:
        def run(count):
            offsets = range(0, count * ROWS_A_PAGE, ROWS_A_PAGE)
            return list(itertools.chain.from_iterable(pool.map(page_at, offsets)))

        run(WINDOW)
        for _ in range(here.scaled(5)):
            start = time.perf_counter()
            rows = run(pages)
            seconds = time.perf_counter() - start
            require(rows == list(range(pages * ROWS_A_PAGE)), "rows are missing, wrong or out of order")
            samples.append(100 * -(-pages // WINDOW) * LATENCY / seconds)
    here.add("fetch/window", "% of ideal", samples)
    here.write()


if __name__ == "__main__":
    main()
