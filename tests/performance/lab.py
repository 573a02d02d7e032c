# SPDX-License-Identifier: MIT
"""What the rows share: running weir and the programs beside it, ratios by rounds, and how a finding is told."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass

from subject import Subject, Unable, interval_of_median, median

LEAST_ROUNDS = 6  # for an interval


@dataclass
class Finding:
    what: str
    figure: float
    bar: float
    at_least: bool  # else at most
    interval: tuple | None = None
    regime: str = ""
    command: str = ""
    shows_command: bool = False
    unit: str = "×"
    row: str = ""

    @property
    def verdict(self):
        low, high = self.interval or (self.figure, self.figure)
        if not self.at_least:
            low, high = -high, -low
        bar = self.bar if self.at_least else -self.bar
        return "reached" if low >= bar else "missed" if high < bar else "open"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def text(finding):
    span = f"[{number(finding.interval[0])}, {number(finding.interval[1])}]" if finding.interval else ""
    bar = f"{'>=' if finding.at_least else '<='} {number(finding.bar)}"
    line = (f"{finding.row:11} {finding.what:58} {finding.regime:6} {number(finding.figure):>8} {finding.unit:2} {span:16} "
            f"{bar:9} {finding.verdict}")
    return line + (f"\n            {finding.command}" if finding.shows_command else "")


def markdown(findings):
    lines = ["| row | what | regime | figure | 95 % | bar | | command |", "|---|---|---|---:|---|---|---|---|"]
    for one in findings:
        span = f"{number(one.interval[0])} to {number(one.interval[1])}" if one.interval else ""
        bar = f"{'≥' if one.at_least else '≤'} {number(one.bar)}"
        lines.append(f"| {one.row} | {one.what} | {one.regime} | {number(one.figure)} {one.unit} | {span} | {bar} | "
                     f"{one.verdict} | `{one.command}` |")
    return "\n".join(lines) + "\n"


class Lab:
    """A build, and how long to measure with it."""

    def __init__(self, build, quick, budget_s, shows_commands):
        self.subject = Subject(build, quick, False)
        self.quick = quick
        self.budget_s = budget_s
        self.shows_commands = shows_commands

    def knows(self, spec):
        done = subprocess.run([self.subject.program, "run", spec, "-p", "thread:thread", "--dry-run"],
                              env=self.environment, capture_output=True, check=False)
        return done.returncode == 0

    @property
    def environment(self):
        plugins = os.path.join(self.subject.build, "channels", "plugins")
        return self.subject.environment | {"WEIR_DRIVER_PATH": plugins}

    def has(self, driver):
        """Whether channels of that driver can be made here."""
        done = subprocess.run([self.subject.program, "list"], env=self.environment, capture_output=True, text=True, check=True)
        return any(line.split(None, 1)[0] == driver and "not available" not in line for line in done.stdout.splitlines() if line)

    def first_known(self, *specs):
        for spec in specs:
            if self.knows(spec):
                return spec
        raise Unable(f"this build has no {specs[0]}")

    def weir(self, *words, share=1.0, tolerant=False):
        """What a run found within a share of the budget; `tolerant`: without the cells that were skipped."""
        words = list(map(str, words))
        budget = ["--rounds", "1", "--epoch", "5ms"] if self.quick else ["--budget", f"{self.budget_s * share:g}s"]
        command = " ".join(["weir run", *words, *budget])
        done = subprocess.run([self.subject.program, "run", *words, *budget, "--json", "-", "-q"], capture_output=True,
                              env=self.environment, text=True, timeout=600, check=False)
        if not tolerant:
            return Result(self, Subject.read(done.stdout, done.stderr, words), command)
        try:
            document = json.loads(done.stdout)
        except ValueError:
            raise Unable(f"{command}: {(done.stderr.strip() or 'it printed nothing').splitlines()[0]}") from None
        document["cells"] = [cell for cell in document["cells"] if cell["status"] != "skipped"]
        for cell in document["cells"]:
            if cell["status"] == "failed":
                raise Unable(f"{cell['id']} failed: {cell['reason']}")
        return Result(self, document, command)

    def program(self, *words):
        """The JSON that a program of the build prints, at a path in it."""
        words = list(map(str, words))
        done = subprocess.run([os.path.join(self.subject.build, words[0]), *words[1:]], env=self.environment,
                              capture_output=True, text=True, timeout=300, check=False)
        if done.returncode == 77:
            raise Unable(f"this build has no {words[1]}")
        if done.returncode != 0:
            raise Unable(f"{' '.join(words)}: {(done.stderr.strip() or 'it failed').splitlines()[0]}")
        return json.loads(done.stdout)

    def finding(self, what, figure, bar, at_least, command, **more):
        return Finding(what, figure, bar, at_least, command=command, shows_command=self.shows_commands, **more)

    def against(self, *words):
        """The rows of tests/bare/against; its ratios are weir's time to the bare program's."""
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bare", "against")
        words = list(map(str, words))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "found.json")
            done = subprocess.run([script, self.subject.build, *words, *(["--quick"] if self.quick else []), "--json", path],
                                  capture_output=True, text=True, timeout=1800, check=False)
            if not os.path.exists(path):
                raise Unable(f"against {' '.join(words)}: {(done.stderr.strip() or 'it failed').splitlines()[-1]}")
            with open(path, encoding="utf-8") as file:
                found = json.load(file)["rows"]
        if not found:
            raise Unable(f"against {' '.join(words)}: nothing could be measured")
        for row in found:
            if row["bar"] is not None:
                what = f"{row['weir']} {row['what']} / {row['bare']}"
                yield self.finding(what, row["ratio"], row["bar"], False, f"tests/bare/against BUILD {' '.join(words)}",
                                   interval=row["interval"] and tuple(row["interval"]), regime=row["regime"] or "")


class Result:
    """What one run of weir found."""

    def __init__(self, lab, document, command):
        self.lab, self.document, self.command = lab, document, command

    def cells(self, **wanted):
        return [cell for cell in self.document["cells"] if all(cell.get(key) == value for key, value in wanted.items())]

    def cell(self, **wanted):
        found = self.cells(**wanted)
        if len(found) != 1:
            raise Unable(f"{self.command}: {len(found)} cells are {wanted}")
        return found[0]

    def regimes(self):
        """Names of the regimes with a set of their rounds; one without a name where there is one."""
        known = self.document["design"]["regimes"]
        listed = self.document["design"]["rounds_list"]
        if len(known) < 2:
            return {self.main_regime(): None}
        parts = {one["name"]: {i for i, round in enumerate(listed) if round["regime"] == one["name"]} for one in known}
        return {name: rounds for name, rounds in parts.items() if len(rounds) >= LEAST_ROUNDS} or {self.main_regime(): None}

    @staticmethod
    def rounds(cell, allowed):
        cost = cell["cost_ns"]
        return {number: ns for number, ns in zip(cost["round_numbers"], cost["rounds"])
                if allowed is None or number in allowed}

    def ratio(self, what, above, below, bar, at_least=True):
        """Findings: the cost of one cell over that of another, in each regime (where there is one, its line)."""
        for regime, allowed in self.regimes().items():
            top, bottom = self.rounds(above, allowed), self.rounds(below, allowed)
            ratios = [top[number] / bottom[number] for number in top if number in bottom]
            if ratios:
                yield self.lab.finding(what, median(ratios), bar, at_least, self.command,
                                       interval=interval_of_median(ratios), regime=regime)

    def to_limit(self, what, cell, bar):
        """A finding: the cost of a cell over the limit that was measured in the same rounds."""
        limit = cell["limit"]
        if limit is None:
            raise Unable(f"{cell['id']}: no limit is known")
        cost = cell["cost_ns"]
        span = (cost["lo"] / limit["ns"], cost["hi"] / limit["ns"]) if cost["lo"] else None
        yield self.lab.finding(f"{what} / {limit['name']} ({limit['ns']:.0f} ns)", limit["ratio"], bar, False, self.command,
                               interval=span, regime=self.main_regime())

    def main_regime(self):
        known = self.document["design"]["regimes"]
        if not known:
            return ""
        main = max(known, key=lambda one: one["rounds"])
        return main["name"] if len(known) > 1 else f"{main['line_ns']:.0f} ns"
