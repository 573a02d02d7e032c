# SPDX-License-Identifier: MIT
"""How often `weir compare` is wrong, and how small a difference it finds."""

from collections import Counter

from subject import Findings, median, share_text

SPANS = ("thread:thread", "process:process")


def compare(subject, a, b, pairing, pattern, budget_s):
    result = subject.weir("compare", a, b, "-p", pairing, "-m", pattern, "--budget", f"{budget_s}s")
    return result["comparisons"][0], result["cells"][0]["cost_ns"]["median"]


def false_verdicts(subject):
    """A channel against itself: "faster" and "slower" are false."""
    findings, verdicts = Findings(), Counter()
    channels = ("shm", "pipe", "unix", "zmq")
    places = [(channel, span) for channel in channels for span in SPANS]
    trials = subject.pick(200, len(places))
    for i in range(trials):
        channel, span = places[i % len(places)]
        other = channel
        if subject.broken:  # it is not itself
            channel, other = "delay,of=pipe", "delay,of=pipe,send_ps=200000000"
        pattern = ("stream", "pingpong")[i // len(places) % 2]
        comparison, _ = compare(subject, channel, other, span, pattern, 2)
        verdicts[places[i % len(places)], comparison["verdict"]] += 1
        if i % 20 == 19:
            subject.say(f"false verdicts: {i + 1} of {trials}")
    wrong = sum(count for (_, verdict), count in verdicts.items() if verdict in ("faster", "slower"))
    bound = subject.pick(0.02, 0.5)
    findings.add("faster or slower than itself", share_text(wrong, trials), f"<= {100 * bound:g} %",
                 wrong <= bound * trials)
    for place in places:
        counts = {verdict: count for (where, verdict), count in verdicts.items() if where == place}
        findings.add(" ".join(place), ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
        findings.figures[" ".join(place)] = counts
    return findings


# A delay in a stream hides behind the other side, so it is put where nothing can hide: into both sends of a round trip.
SENSITIVE = (("shm", SPANS[0]), ("pipe", SPANS[1]), ("unix", SPANS[1]), ("mutex", SPANS[0]))
SENDS = 2


def sensitivity(subject):
    """A known time on top: how often is it found?"""
    findings = Findings()
    wanted = subject.pick({3: None, 5: 0.7, 10: 0.9}, {1000: 0.5})
    trials, budget_s = subject.pick(24, 4), subject.pick(10, 2)
    base_ns = {}
    for channel, span in SENSITIVE:
        base_ns[channel] = subject.cost_ns(f"delay,of={channel}", "-p", span, "-m", "pingpong", "--budget",
                                           subject.pick("5s", "500ms"))
    for percent, least in wanted.items():
        found, missed, effects, seen, detectable = 0, Counter(), [], [], []
        for i in range(trials):
            channel, span = SENSITIVE[i % len(SENSITIVE)]
            send_ps = round(base_ns[channel] * percent / 100 * 1000 / SENDS)
            slow = f"delay,of={channel},send_ps={0 if subject.broken else send_ps}"
            comparison, cost_ns = compare(subject, f"delay,of={channel}", slow, span, "pingpong", budget_s)
            found += comparison["verdict"] == "slower"
            missed[comparison["verdict"]] += comparison["verdict"] != "slower"
            effects.append(SENDS * send_ps / 1000 / cost_ns)
            seen.append((comparison["ratio"] or 1) - 1)
            detectable += [comparison["mde"]] if comparison["mde"] is not None else []
            base_ns[channel] = cost_ns  # the machine may have changed since
        subject.say(f"sensitivity: {percent} % done")
        others = ", ".join(f"{count} {verdict}" for verdict, count in sorted(missed.items()) if count)
        findings.add(f"{percent} % more is called slower", share_text(found, trials) + (f"; {others}" if others else ""),
                     f">= {100 * least:g} %" if least else "", found >= least * trials if least else None)
        findings.add("  truly more, seen, detectable (medians)",
                     f"{100 * median(effects):.1f} %, {100 * median(seen):.1f} %, {100 * median(detectable):.1f} %")
        findings.figures[str(percent)] = {"trials": trials, "found": found, "missed": dict(missed), "effects": effects,
                                          "seen": seen, "detectable": detectable}
    return findings
