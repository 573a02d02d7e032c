# SPDX-License-Identifier: MIT
"""Whether independent tools, in the same minutes, say the same; or what it is that they do otherwise.

Where they differ by more than the bound the control (control.c) decides: it must agree with the other tool when it does
what that does, and with weir when it does what weir does. What was added in between is then the difference, by name."""

import os
import re
import shutil
import subprocess
import time

from omission import children
from subject import Findings, Unable, median

BYTES_TRIP = 4  # as perf's int
BYTES_FLOOD = 100  # as hackbench's default
ADDED = ("header", "header,poll", "header,poll,clock")
PLURAL = {"thread": "threads", "process": "processes"}
NAMES = {"header": "length before the body", "poll": "descriptors that do not block, ppoll",
         "clock": "clock reads of a wait"}


def output_of(command, **more):
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=True,
                              **more)
    except (OSError, subprocess.SubprocessError) as trouble:
        raise Unable(f"{command[0]}: {trouble}") from None
    return done.stdout + done.stderr


def control(subject, *words, before=()):
    return float(output_of([*before, subject.control, *words]))


def budget(subject):
    return "2s" if subject.broken else subject.pick("1s", "300ms")


# ---- round trips ----------------------------------------------------------------------------------------------------


def place_second(perf, mode, cpus):
    """perf lets its workers run anywhere: puts them where they should be, as soon as they are there."""
    end = time.monotonic() + 2
    while time.monotonic() < end and perf.poll() is None:
        tasks = sorted(map(int, os.listdir(f"/proc/{perf.pid}/task")))[1:] if mode == "thread" else [
            perf.pid, *children(perf.pid)]
        if len(tasks) == 2:
            for task, cpu in zip(tasks, cpus):
                os.sched_setaffinity(task, {cpu})
            return
        time.sleep(0.0005)
    raise Unable("perf's workers were not seen")


def perf_trip_ns(mode, cpus, trips):
    command = ["perf", "bench", "sched", "pipe", "-l", str(trips)] + (["-T"] if mode == "thread" else [])
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as perf:
            place_second(perf, mode, cpus)
            output = perf.communicate(timeout=120)[0]
    except (OSError, subprocess.SubprocessError) as trouble:
        raise Unable(f"perf: {trouble}") from None
    found = re.search(r"([\d.]+) usecs/op", output)
    if not found:
        raise Unable("perf printed no usecs/op")
    return float(found[1]) * 1000


def is_near(ratio, bound):
    return 1 / (1 + bound) <= ratio <= 1 + bound


def judge(subject, findings, what, tool, samples):
    """`samples`: of each of tool, alike (the control doing the same), weir, and the additions, a figure a round."""
    bound = subject.pick(0.1, 20)
    ratio = {pair: median([a / b for a, b in zip(samples[pair[0]], samples[pair[1]])])
             for pair in (("weir", tool), (tool, "alike"), ("weir", "last"))}
    medians = {name: median(values) for name, values in samples.items()}
    direct, explained = ratio["weir", tool], (ratio[tool, "alike"], ratio["weir", "last"])
    agrees = is_near(direct, bound)
    accounted = all(is_near(one, bound) for one in explained)
    findings.add(f"{what}: weir, {tool}", f"{medians['weir']:.0f} ns, {medians[tool]:.0f} ns ({direct:.2f})",
                 f"within {100 * bound:g} %, or explained", agrees or accounted)
    findings.add(f"  {tool} to the control alike; weir to the control as weir",
                 f"{explained[0]:.2f}; {explained[1]:.2f}" + (": explained" if accounted and not agrees else ""))
    findings.figures[what] = {"medians_ns": medians, "weir_to_tool": direct, "tool_to_control": explained[0],
                              "weir_to_control": explained[1], "agrees": agrees, "explained": accounted}
    return medians


def as_long(subject):
    """Trips go on for as long as perf's, half a second: two CPUs that sleep and wake become slower after a while."""
    return subject.pick(("--rounds", 1, "--epoch", "1s"), ("--budget", "300ms"))


def round_trips(subject, findings, mode, where, cpus):
    trips = subject.pick(*((200000, 5000) if cpus[0] == cpus[1] else (10000, 500)))
    pin = f"{cpus[0]}:{cpus[1]}"
    samples = {name: [] for name in ("perf", "alike", *ADDED, "weir")}
    for _ in range(subject.pick(7, 3)):
        samples["perf"].append(perf_trip_ns(mode, cpus, trips))
        for name in ("alike", *ADDED):
            added = "-" if name == "alike" else name
            samples[name].append(control(subject, "trips", mode, added, 1, BYTES_TRIP, trips, pin))
        samples["weir"].append(subject.cost_ns(
            "pipe,wait=block", "-s", 1 << 18 if subject.broken else BYTES_TRIP, "-m", "pingpong", "-p",
            f"{mode}:{mode}", "--pin", pin, *as_long(subject)))
    samples["last"] = samples[ADDED[-1]]
    medians = judge(subject, findings, f"round trip, {PLURAL[mode]}, {where}", "perf", samples)
    steps, before = [], medians["alike"]
    for name in ADDED:
        steps.append(f"{NAMES[name.rsplit(',', maxsplit=1)[-1]]} {medians[name] - before:+.0f}")
        before = medians[name]
    findings.add("  added, ns", "; ".join(steps))


# ---- floods ---------------------------------------------------------------------------------------------------------


def hackbench_ns(mode, pairs, count, before):
    output = output_of([*before, "hackbench", "-p", "-T" if mode == "thread" else "-P", "-g", 1, "-f", pairs, "-l", count,
                        "-s", BYTES_FLOOD])
    found = re.search(r"Time: ([\d.]+)", output)
    if not found:
        raise Unable("hackbench printed no time")
    return float(found[1]) * 1e9 / (pairs * pairs * count)


def control_in_epochs(subject, cell, mode, added, pairs, before):
    """The control with as few messages at a time as weir has, from fresh workers."""
    count = max(1, int(cell["epoch"]["messages"]) // (pairs * pairs))
    return median([control(subject, "flood", mode, added, pairs, BYTES_FLOOD, count, "-", before=before)
                   for _ in range(subject.pick(25, 5))])


def floods(subject, findings, mode, cpu):
    """On one CPU, where what is counted is work and not luck."""
    before, costs = ("taskset", "-c", str(cpu)), {"hackbench": [], "weir": []}
    for pairs in (1, 2, 4):
        count = subject.pick(1600000, 100000) // (pairs * pairs)
        as_weir = "header,poll,clock,nap" + (",one" if pairs > 1 else "")
        samples = {"hackbench": [], "alike": [], "last": [], "weir": []}
        for _ in range(subject.pick(5, 2)):
            samples["hackbench"].append(hackbench_ns(mode, pairs, count, before))
            samples["alike"].append(control(subject, "flood", mode, "end", pairs, BYTES_FLOOD, count, "-", before=before))
            cell = subject.cell(
                "pipe,wait=block", "-s", 1 << 18 if subject.broken else BYTES_FLOOD, "-m", "stream", "-p",
                f"{mode}:{mode}", "-w", f"{pairs}x{pairs}", "--pin", "none", "--budget", budget(subject), before=before)
            samples["weir"].append(cell["cost_ns"]["median"])
            samples["last"].append(control_in_epochs(subject, cell, mode, as_weir, pairs, before))
        medians = judge(subject, findings, f"flood, {pairs} to {pairs} {PLURAL[mode]}", "hackbench", samples)
        for name, values in costs.items():
            values.append(medians[name])
    scaling = {name: [value / values[0] for value in values] for name, values in costs.items()}
    findings.add(f"  cost with 1, 2, 4 {PLURAL[mode]} a side, as multiples of the first", "; ".join(
        f"{name} {', '.join(f'{value:.2f}' for value in values)}" for name, values in scaling.items()))
    findings.figures[f"scaling, {PLURAL[mode]}"] = scaling


def agreement(subject):
    for tool in ("perf", "hackbench", "taskset"):
        if shutil.which(tool) is None:
            raise Unable(f"{tool} is not installed")
    findings = Findings()
    allowed = sorted(os.sched_getaffinity(0))
    places = [("one CPU", (allowed[0], allowed[0]))] + [("two CPUs", tuple(allowed[:2]))] * (len(allowed) > 1)
    for mode in ("thread", "process"):
        for where, cpus in places:
            round_trips(subject, findings, mode, where, cpus)
        subject.say(f"agreement: round trips of {PLURAL[mode]} done")
        floods(subject, findings, mode, allowed[0])
        subject.say(f"agreement: floods of {PLURAL[mode]} done")
    return findings
