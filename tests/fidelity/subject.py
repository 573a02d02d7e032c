# SPDX-License-Identifier: MIT
"""The program under test as the proofs see it, and what they share: figures, intervals, findings."""

import json
import math
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field


class Unable(Exception):
    """A proof cannot be made here; says why."""


@dataclass
class Row:
    what: str
    figure: str
    wanted: str = ""
    passed: bool | None = None  # None: said, not judged


@dataclass
class Findings:
    """What a proof found: rows for people, figures for programs."""

    rows: list[Row] = field(default_factory=list)
    figures: dict = field(default_factory=dict)

    def add(self, what, figure, wanted="", passed=None):
        self.rows.append(Row(what, figure, wanted, passed))

    @property
    def passed(self):
        judged = [row.passed for row in self.rows if row.passed is not None]
        return bool(judged) and all(judged)


@dataclass
class Subject:
    """A build of weir. `quick`: short runs and wide bounds; `broken`: each proof spoils what it looks at."""

    build: str
    quick: bool
    broken: bool

    def pick(self, full, quick):
        return quick if self.quick else full

    def say(self, text):
        print(f"fidelity: {text}", file=sys.stderr, flush=True)

    @property
    def program(self):
        return os.path.join(self.build, "bench", "weir")

    @property
    def control(self):
        return os.path.join(self.build, "tests", "fidelity", "control")

    @property
    def environment(self):
        return os.environ | {"WEIR_DRIVER_PATH": os.path.join(self.build, "tests", "modules"), "LC_ALL": "C"}

    def command(self, *words):
        return [self.program, *map(str, words), "--json", "-", "-q"]

    def weir(self, *words, before=(), timeout_s=300):
        """The JSON that weir prints; `before` is a command that runs it, such as taskset."""
        done = subprocess.run([*before, *self.command(*words)], env=self.environment, capture_output=True, text=True,
                              timeout=timeout_s, check=False)
        return self.read(done.stdout, done.stderr, words)

    @staticmethod
    def read(output, errors, words):
        try:
            result = json.loads(output)
        except ValueError:
            said = errors.strip().splitlines() or ["it printed nothing"]
            raise Unable(f"weir {' '.join(map(str, words))}: {said[0]}") from None
        for cell in result["cells"]:
            if cell["status"] != "ok":
                raise Unable(f"{cell['id']} {cell['status']}: {cell['reason']}")
        return result

    def cell(self, *words, **more):
        """The only cell of a run."""
        return self.weir("run", *words, **more)["cells"][0]

    def cost_ns(self, *words, **more):
        return self.cell(*words, **more)["cost_ns"]["median"]


def median(values):
    return statistics.median(values) if values else math.nan


def interval_of_median(values, confidence=0.95):
    """From order statistics, with at least that confidence (the sign test); None if there are too few."""
    values, n = sorted(values), len(values)
    low, tail = 0, 0.0
    while low < n and tail + math.comb(n, low) / 2**n <= (1 - confidence) / 2:
        tail += math.comb(n, low) / 2**n
        low += 1
    return (values[low - 1], values[n - low]) if low > 0 else None


def share_interval(hits, trials, confidence=0.95):
    """The exact interval of a share (Clopper and Pearson, 1934), by bisection."""

    def tail(p, low, high):
        return sum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(low, high + 1))

    def bisect(grows_past):
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if grows_past(middle) else (middle, high)
        return (low + high) / 2

    beyond = (1 - confidence) / 2
    lo = 0.0 if hits == 0 else bisect(lambda p: tail(p, hits, trials) > beyond)
    hi = 1.0 if hits == trials else bisect(lambda p: tail(p, 0, hits) < beyond)
    return lo, hi


def share_text(hits, trials):
    lo, hi = share_interval(hits, trials)
    return f"{hits} of {trials}: {100 * hits / trials:.1f} % (95 %: {100 * lo:.1f} to {100 * hi:.1f})"
