# SPDX-License-Identifier: MIT
"""The bars: one function a row, which yields findings."""

from subject import Unable, interval_of_median, median

SIZES = (8, 32, 56, 64, 256, 1024, 4096, 65536)
PEERS = ("ck", "boost", "moodycamel", "qb", "nng", "cyclone")
BOTH = (("shm", "process:process"), ("ring", "thread:thread"))


def present(lab):
    """Of the two rings those that this build has."""
    return [(spec, pairing) for spec, pairing in BOTH if lab.knows(spec)]


def peers(lab):
    others = [spec for spec in PEERS if lab.has(spec)]
    if not others:
        raise Unable("this build has no peers (./dev peers)")
    for spec, pairing in present(lab):
        for size in SIZES:
            result = lab.weir(spec, *others, "-p", pairing, "-s", size, "-m", "stream", tolerant=True)
            ours = result.cell(spec=spec)
            rivals = [cell for cell in result.cells() if cell is not ours]
            if not rivals:
                raise Unable(f"no peer carries {size} B {pairing}")
            best = min(rivals, key=lambda cell: cell["cost_ns"]["median"])
            yield from result.ratio(f"{spec} {pairing} {size} B: {best['spec']}", best, ours, 1.2 if size >= 32 else 1.0)


def typed_queue(lab):
    for size in SIZES:
        yield from lab.against("typed-queue", "--size", size)


def round_trip(lab):
    for spec, pairing in present(lab):
        result = lab.weir(f"{spec},wait=spin", "-p", pairing, "-s", "8,32,56", "-m", "pingpong")
        for cell in result.cells():
            yield from result.to_limit(f"{spec} {pairing} {cell['size']} B", cell, 1.15)


def in_place(lab):
    for spec, pairing in present(lab):
        result = lab.weir(spec, "-p", pairing, "-s", "64K", "-m", "stream", "--access", "copy,place")
        copied = next(cell for cell in result.cells() if "access" not in cell)
        yield from result.ratio(f"{spec} {pairing} 64 KiB: copied / in place", copied, result.cell(access="place"), 1.8)


def many(lab):
    shapes = ((4, 1), (16, 1), (1, 4), (2, 2))
    words = ",".join(f"{producers}x{consumers}" for producers, consumers in ((1, 1), *shapes))
    result = lab.weir("shm", "-p", "process:process", "-m", "stream", "-w", words, share=2)
    one = result.cell(producers=1, consumers=1)
    for producers, consumers in shapes:
        cell = result.cell(producers=producers, consumers=consumers)
        yield from result.ratio(f"shm {producers}x{consumers}: messages/s to 1x1", one, cell, 0.8)
        if consumers == 1:
            yield lab.finding(f"shm {producers}x{consumers}: least share of a producer", cell["fairness"]["least_share"], 0.5,
                              True, result.command, regime=result.main_regime())


def naive(lab):
    yield from lab.against("pipe", "unix")


def tuned(lab):
    for spec in ("pipe", "unix"):
        plain = lab.first_known(f"{spec},framing=naive", spec)
        best = spec if plain != spec else f"{spec},type=stream"
        result = lab.weir(plain, best, "-p", "process:process", "-m", "stream", "-s", 64, "--batch", "1,16")
        base = result.cell(spec=plain, batch=1)
        yield from result.ratio(f"{best} batch 16: messages/s to {plain}", base, result.cell(spec=best, batch=16), 3)
        yield from result.ratio(f"{best} batch 1: messages/s to {plain}", base, result.cell(spec=best, batch=1), 1.5)


def blocked(lab):
    kernel = ["pipe,wait=block", "unix,wait=block"]
    for pin, where in (("0:0", "one CPU"), ("0:1", "two CPUs")):
        result = lab.weir(*kernel, "-p", "process:process", "-m", "pingpong", "-s", 64, "--pin", pin)
        for cell in result.cells():
            yield from result.to_limit(f"{cell['spec']} on {where}", cell, 1.05)
    # What the nearest limit of shm is, a line that travels, says nothing of sleepers: in turns with the yardsticks.
    for pin, where, name, times in (("0:0", "one CPU", "switch/processes", 2), ("0:1", "two CPUs", "wake/processes", 1)):
        yield turns_of_shm(lab, pin, where, name, times)


def turns_of_shm(lab, pin, where, name, times):
    group, yardstick = name.split("/")
    ratios = []
    for _ in range(1 if lab.quick else 8):
        result = lab.weir("shm,wait=block", "-p", "process:process", "-m", "pingpong", "-s", 64, "--pin", pin, share=0.1)
        budget = "50ms" if lab.quick else f"{lab.budget_s * 0.1:g}s"
        limits = lab.program("bench/weir", "limits", group, "--budget", budget, "--json", "-", "-q")
        found = [one for one in limits["limits"] if one["name"] == f"{group} {yardstick}"]
        if not found:
            raise Unable(f"weir limits {group} has no {yardstick}")
        ratios.append(result.cells()[0]["cost_ns"]["median"] / (times * found[0]["median"]))
    return lab.finding(f"shm,wait=block on {where} / {times} x {yardstick}", median(ratios), 1.05, False,
                       f"{result.command}; weir limits {group}", interval=interval_of_median(ratios))


def mutex(lab):
    plain = lab.first_known("mutex,form=naive", "mutex,slots=1")
    for pairing in ("thread:thread", "process:process"):
        result = lab.weir("mutex", plain, "-p", pairing, "-m", "stream", "-s", 64)
        yield from result.ratio(f"mutex {pairing}: messages/s to {plain}", result.cell(spec=plain), result.cell(spec="mutex"), 5)


def zmq(lab):
    yield from lab.against("zmq")


def nanopb(lab):
    yield from lab.against("nanopb")


def memory(lab):
    for spec in ("ring", "shm"):
        if not lab.knows(spec):
            continue
        for span in ("threads", "processes") if spec == "shm" else ("threads",):
            words = ["tests/performance/channels", spec, span]
            found = lab.program(*words, 1000)
            yield lab.finding(f"{spec}, {span}: bytes of an idle channel", found["bytes_each"], 16384, False,
                              "BUILD/" + " ".join([*words, "1000"]), unit="B")
            found = lab.program(*words, 100 if lab.quick else 10000)
            yield lab.finding(f"{spec}, {span}: open at once (with {found['descriptors']} descriptors)", found["channels"],
                              10000, True, "BUILD/" + " ".join([*words, "10000"]), unit="")


ROWS = {
    "peers": peers,
    "typed-queue": typed_queue,
    "round-trip": round_trip,
    "in-place": in_place,
    "many": many,
    "naive": naive,
    "tuned": tuned,
    "blocked": blocked,
    "mutex": mutex,
    "zmq": zmq,
    "nanopb": nanopb,
    "memory": memory,
}
