# SPDX-License-Identifier: MIT
"""How cost grows: a table in Markdown for each axis, with a column a channel."""

from subject import Unable

CHANNELS = ("ring", "shm", "mutex", "pipe", "unix")

TABLES = {
    # name: the option, its values, and what else is asked for
    "size": ("-s", [8 << 2 * i for i in range(11)] + [16 << 20], ["-d", 64]),
    "producers": ("-w", [1, 2, 4, 8, 16, 32, 64], []),
    "depth": ("-d", [4**i for i in range(9)], ["-s", 64]),
}


def scaled(value):
    for unit, times in (("M", 1 << 20), ("K", 1 << 10)):
        if value >= times and value % times == 0:
            return f"{value // times} {unit}"
    return str(value)


def time_text(ns):
    for unit, times in (("ms", 1e6), ("µs", 1e3)):
        if ns >= times:
            return f"{ns / times:.3g} {unit}"
    return f"{ns:.3g} ns"


def columns_of(result, spec):
    """Wall and CPU time of a message; n/a where the channel cannot be so."""
    cells = result.cells(spec=spec)
    known = cells and cells[0]["cost_ns"]  # null: the budget ended before its first round
    return [time_text(cells[0]["cost_ns"]["median"]), time_text(cells[0]["cpu_ns"]["total"])] if known else ["n/a"] * 2


def table(lab, name):
    """Prints it, a row when it is measured. False: something could not be measured."""
    option, values, more = TABLES[name]
    values = values[:2] if lab.quick else values
    channels = [spec for spec in CHANNELS if lab.knows(spec)]
    print(f"| {name} | regime | " + " | ".join(f"{spec} | {spec} CPU" for spec in channels) + " |")
    print("|---:|---|" + "---:|---:|" * len(channels))
    whole = True
    for value in values:
        word = f"{value}x1" if option == "-w" else value
        try:
            result = lab.weir(*channels, "-p", "thread:thread", "-m", "stream", option, word, *more, tolerant=True)
        except Unable as reason:
            print(f"\n{name} {value} could not be measured: {reason}\n")
            whole = False
            continue
        columns = [text for spec in channels for text in columns_of(result, spec)]
        print(f"| {scaled(value)} | {result.main_regime()} | " + " | ".join(columns) + " |", flush=True)
    return whole
