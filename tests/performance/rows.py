# SPDX-License-Identifier: MIT
"""The bars: one function a row, which yields findings."""

from subject import Unable

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
    for spec, pairing in present(lab):
        # An epoch of several turns of the scheduler: else it shows how workers start.
        result = lab.weir(spec, "-p", pairing, "-m", "stream", "-w", words, "--epoch", "50ms", share=3)
        one = result.cell(producers=1, consumers=1)
        for producers, consumers in shapes:
            cell = result.cell(producers=producers, consumers=consumers)
            yield from result.ratio(f"{spec} {pairing} {producers}x{consumers}: messages/s to 1x1", one, cell, 0.8)
            if consumers == 1:
                yield lab.finding(f"{spec} {pairing} {producers}x{consumers}: least share of a producer",
                                  cell["fairness"]["least_share"], 0.5, True, result.command, regime=result.main_regime())


def naive(lab):
    yield from lab.against("pipe", "unix")


def tuned(lab):
    for spec in ("pipe", "unix", "unix,type=stream"):
        plain = f"{spec},framing=naive"
        result = lab.weir(plain, spec, "-p", "process:process", "-m", "stream", "-s", 64, "--batch", "1,16")
        base = result.cell(spec=plain, batch=1)
        yield from result.ratio(f"{spec} batch 16: messages/s to naive", base, result.cell(spec=spec, batch=16), 3)
        yield from result.ratio(f"{spec} batch 1: messages/s to naive", base, result.cell(spec=spec, batch=1), 1.5)


def blocked(lab):
    specs = [f"{driver},wait=block" for driver in ("pipe", "unix", "shm")]
    for pin, where in (("0:0", "one CPU"), ("0:1", "two CPUs")):
        result = lab.weir(*specs, "-p", "process:process", "-m", "pingpong", "-s", 64, "--pin", pin)
        for cell in result.cells():
            yield from result.to_limit(f"{cell['spec']} on {where}", cell, 1.05)


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
