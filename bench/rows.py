# SPDX-License-Identifier: MIT
"""The rows of the report, and how they compare."""
import dataclasses
import statistics

# What a row of report.json has.
KEYS = ("question", "contender", "value", "unit", "spread", "ratio_to_best_peer", "ratio_to_limit")


def larger_is_better(unit):
    return unit.endswith("/s") or unit.startswith("%")


@dataclasses.dataclass
class Row:
    """One contender's answer to one question."""

    question: str
    contender: str
    unit: str
    samples: list  # one figure a round
    ratio_to_best_peer: float | None = None
    ratio_to_limit: float | None = None  # our or a peer's cost, divided by the limit's

    @property
    def value(self):
        return statistics.median(self.samples)

    @property
    def quartiles(self):
        if len(self.samples) == 1:
            return self.value, self.value
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return low, high

    @property
    def spread(self):
        low, high = self.quartiles
        return (high - low) / self.value if self.value else 0.0

    @property
    def cost(self):
        """Less is better."""
        return 1 / self.value if larger_is_better(self.unit) else self.value

    @property
    def ours(self):
        return self.contender.startswith("yoke")

    @property
    def limit(self):
        """A probe of what the machine can do."""
        return self.contender.startswith("limit_") or self.contender == "machine"

    @property
    def serial(self):
        """The same work in a plain loop: says what sharing gains or costs, but shares nothing, so it is no peer."""
        return self.contender == "serial"

    @property
    def peer(self):
        return not self.ours and not self.limit and not self.serial

    def as_json(self):
        return dict(zip(KEYS, (self.question, self.contender, rounded(self.value), self.unit,
                               rounded(self.spread), rounded(self.ratio_to_best_peer),
                               rounded(self.ratio_to_limit))))


def rounded(number):
    return None if number is None else float(f"{number:.5g}")


def number_text(value):
    """Three digits that matter."""
    if value == 0 or not 1e-4 < abs(value) < 1e15:
        return f"{value:.3g}"
    digits = max(0, 2 - int(f"{value:e}".split("e")[1]))
    return f"{value:,.{digits}f}"


def grouped(rows):
    """{question: its rows}, in the order in which the questions come."""
    groups = {}
    for row in rows:
        groups.setdefault(row.question, []).append(row)
    return groups


def compare(rows):
    """Fills in the ratios, and sorts each question's rows: the best first.

    What costs nothing has no ratio.
    """
    result = []
    for group in grouped(rows).values():
        peers = [row.cost for row in group if row.peer]
        limit = next((row for row in group if row.limit), None)
        for row in group:
            if row.ours and peers and row.cost:
                row.ratio_to_best_peer = min(peers) / row.cost
            if limit and not row.limit and limit.cost:
                row.ratio_to_limit = row.cost / limit.cost
        result += sorted(group, key=lambda row: row.cost)
    return result
