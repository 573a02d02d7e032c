# SPDX-License-Identifier: MIT
"""Whether a known cost is reported as what it is, and what the harness itself costs."""

import os
import pty
import re
import subprocess
import tempfile
import threading

from subject import Findings, Unable, median

PAIRINGS = ("thread:thread", "process:process")


def spins_ns(subject, ns):
    """What the same spins take in a loop without weir: more than ns, where something else takes the CPU meanwhile."""
    done = subprocess.run([os.path.join(subject.build, "tests", "fidelity", "spins"), str(ns)], capture_output=True,
                          text=True, timeout=60, check=True)
    return float(done.stdout)


def truth(subject):
    """A driver of known cost (tests/modules/timed.c) on either side, and its spins alone, in turn."""
    findings, bound = Findings(), subject.pick(0.02, 10)
    sides = [(ns, side) for ns in (200, 5000) for side in ("producer", "consumer")]
    spoil = 30 if subject.broken else 1
    specs = [f"timed,ns={ns * spoil},side={side}" for ns, side in sides]
    alone, seen = {200: [], 5000: []}, {}
    for _ in range(subject.pick(6, 1)):
        for ns, values in alone.items():
            values.append(spins_ns(subject, ns))
        result = subject.weir("run", *specs, "-p", ",".join(PAIRINGS), "-m", "stream", "--budget",
                              subject.pick("10s", "6s"))
        for cell in result["cells"]:
            ns, side = sides[specs.index(cell["spec"])]
            for what, value in (("wall", cell["cost_ns"]["median"]), (f"CPU of the {side}", cell["cpu_ns"][side])):
                seen.setdefault((ns, side, cell["pairing"], what), []).append(value)
    for ns, values in alone.items():
        true_ns = median(values)
        findings.add(f"spins of {ns} ns alone", f"{true_ns:.1f} ns ({100 * (true_ns / ns - 1):+.2f} %)")
    for (ns, side, pairing, what), values in seen.items():
        value, true_ns = median(values), median(alone[ns])
        off = value / true_ns - 1
        findings.add(f"{ns} ns on the {side}, {pairing}: {what}", f"{value:.1f} ns ({100 * off:+.2f} % of what it is)",
                     f"within {100 * bound:g} %", abs(off) <= bound)
        findings.figures.setdefault(f"{ns}/{side}/{pairing}", {"alone": true_ns})[what.split()[0]] = value
    return findings


# ---- the floor ------------------------------------------------------------------------------------------------------

CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?:\((.*))?")


def epochs_and_writes(trace):
    """From strace's lines: how many epochs there were (children of weir, processes, from their start to their end), and
    how many writes to stderr fell into one and between them."""
    main, alive, ended, epochs, inside, outside = None, set(), set(), 0, 0, 0
    for line in trace:
        pid = line.split(" ", 1)[0]
        main = main or pid
        call = CALL.match(line)
        if call and pid == main and call[2] in ("clone", "clone3", "fork", "vfork") and "CLONE_THREAD" not in line:
            child = re.search(r"= (\d+)$", line)
            if child:  # one may have ended before strace tells of its start
                alive.update({child[1]} - ended)
                epochs += 1
        elif "+++ exited" in line or "+++ killed" in line:
            alive.discard(pid)
            ended.add(pid)
        elif call and call[2] in ("write", "writev") and (call[3] or "").startswith("2,"):
            inside += bool(alive)
            outside += not alive
    return epochs, inside, outside


def watch_progress(subject):
    """Runs weir on a terminal of its own, under strace."""
    terminal, slave = pty.openpty()
    drain = threading.Thread(target=lambda: swallow(terminal), daemon=True)
    drain.start()
    with tempfile.NamedTemporaryFile("r", suffix=".strace") as trace:
        command = ["strace", "-f", "-o", trace.name, "-e", "trace=write,writev,clone,clone3,fork,vfork", *subject.command(
            "run", "null", "pipe", "-p", "process:process", "--rounds", 8, "--progress", "always")]
        command.remove("-q")
        try:
            subprocess.run(command, env=subject.environment | {"TERM": "xterm"}, stdin=slave, stdout=subprocess.DEVNULL,
                           stderr=slave, timeout=120, check=True)
        except (OSError, subprocess.SubprocessError) as trouble:
            raise Unable(f"strace: {trouble}") from None
        finally:
            os.close(slave)
        return epochs_and_writes(trace)


def swallow(terminal):
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass


def floor(subject):
    """The null driver, 64 bytes, checked whole; clock reads; progress."""
    findings, bound = Findings(), subject.pick(8.0, 800.0)
    result = subject.weir("run", "null", "shm", "pipe", "-s", 1 << 16 if subject.broken else 64, "-m", "stream", "-p",
                          ",".join(PAIRINGS), "--budget", subject.pick("20s", "2s"))
    for cell in result["cells"]:
        value, reads = cell["cost_ns"]["median"], cell["epoch"]["clock_reads"]
        if cell["channel"] == "null":
            findings.add(f"null, 64 B, {cell['pairing']}", f"{value:.2f} ns a message", f"<= {bound:g} ns", value <= bound)
        else:  # of null both sides stop the clock
            findings.add(f"clock reads an epoch, {cell['channel']}, {cell['pairing']}", f"{reads:g}", "2", reads == 2)
        findings.figures[f"{cell['channel']}, {cell['pairing']}"] = {"ns": value, "clock_reads": reads}
    epochs, inside, outside = watch_progress(subject)
    findings.add("progress written within / between epochs", f"{inside} / {outside} ({epochs} epochs)", "0 / some",
                 inside == 0 and outside > 0 and epochs > 0)
    findings.figures["progress"] = {"epochs": epochs, "inside": inside, "outside": outside}
    return findings
