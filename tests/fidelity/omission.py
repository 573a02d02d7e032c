# SPDX-License-Identifier: MIT
"""Whether a stop of the consumer is seen in the latency: in time from when messages were due, not from when they were
sent."""

import os
import signal
import subprocess
import time

from subject import Findings

STOP_S = 0.2
INTO_EPOCH_S = 0.01


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def stop_a_consumer(weir, epoch):
    """Stops the only process below the runner, the consumer (the producer is a thread), in the epoch of that number."""
    seen, end = set(), time.monotonic() + 20
    while weir.poll() is None and time.monotonic() < end:
        for runner in children(weir.pid):
            for consumer in children(runner):
                seen.add(consumer)
                if len(seen) < epoch:
                    continue
                time.sleep(INTO_EPOCH_S)
                try:
                    os.kill(consumer, signal.SIGSTOP)
                    time.sleep(STOP_S)
                    os.kill(consumer, signal.SIGCONT)
                    return True
                except ProcessLookupError:
                    seen.discard(consumer)
        time.sleep(0.001)
    return False


def run_paced(subject):
    """The latencies of a run in which a consumer was stopped, and whether it was: a stop that none of the messages met
    came before the first or after the last of its epoch."""
    words = ("run", "shm", "-m", "paced", "-r", "100K", "-d", 16, "-p", "thread:process", "--rounds", 10)
    with subprocess.Popen(subject.command(*words), env=subject.environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as weir:
        stopped = not subject.broken and stop_a_consumer(weir, 5)
        output, errors = weir.communicate(timeout=120)
    latency = subject.read(output, errors, words)["cells"][0]["latency_ns"]
    return latency, stopped and latency["uncorrected"]["max"] >= 0.8 * STOP_S * 1e9


def coordinated_omission(subject):
    findings = Findings()
    for attempt in range(1 if subject.broken else 10):
        latency, stopped = run_paced(subject)
        if stopped:
            break
    corrected_ms, uncorrected_ms = (side["p99"] / 1e6 for side in (latency, latency["uncorrected"]))
    findings.add("the consumer was stopped", f"{1000 * STOP_S:g} ms, attempt {attempt + 1}" if stopped else "not at all",
                 "while messages were due", stopped)
    findings.add("p99 from the time due", f"{corrected_ms:.3f} ms", f">= {500 * STOP_S:g} ms",
                 corrected_ms >= 500 * STOP_S)
    findings.add("p99 from the time sent", f"{uncorrected_ms:.3f} ms", f"<= {100 * STOP_S:g} ms",
                 uncorrected_ms <= 100 * STOP_S)
    findings.figures = {"stopped": stopped, "corrected": {key: latency[key] for key in ("n", "p50", "p99", "max")},
                        "uncorrected": {key: latency["uncorrected"][key] for key in ("n", "p50", "p99", "max")}}
    return findings
