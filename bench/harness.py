# SPDX-License-Identifier: MIT
"""harness.hpp for contenders in Python: the same command line, the same rows in the same file format."""
import json
import os
import sys


def workers():
    """Workers of a pool under test: the processors this program may use."""
    return len(os.sched_getaffinity(0))


def require(done, what):
    """Ends the program, and so fails its rows: it did not do the work it is timed for."""
    if not done:
        sys.exit(what)


def quantile(samples, part):
    ordered = sorted(samples)
    return ordered[int(part * (len(ordered) - 1) + 0.5)]


class program:
    def __init__(self):
        self.quick = "--quick" in sys.argv
        self.rows = []

    def scaled(self, full):
        """`full`, or a hundredth of it (at least 1) when quick."""
        return max(1, full // 100) if self.quick else full

    def add(self, row, unit, samples, tail=False):
        """A row: the median of the samples, which are in the unit; with `tail` a row `<row>/p99` too."""
        entry = {"name": row, "label": unit, "value": quantile(samples, 0.5)}
        if tail:
            entry["p99"] = quantile(samples, 0.99)
        self.rows.append(entry)

    def unable(self, row, why):
        """The row has no figure, because the contender cannot do this by its nature."""
        self.rows.append({"name": row, "error_occurred": True, "error_message": f"unable: {why}"})

    def write(self):
        """Writes the rows to the file of `--benchmark_out=FILE`, or shows them."""
        text = json.dumps({"benchmarks": self.rows}, indent=1)
        for word in sys.argv[1:]:
            if word.startswith("--benchmark_out="):
                with open(word.partition("=")[2], "w", encoding="utf-8") as file:
                    file.write(text)
                return
        print(text)
