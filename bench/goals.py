"""Goals: what the benchmark is held to, and why a goal that is missed is missed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.shapes import BIG_GIBIBYTES
from bench.starts import HELP, TINY, TINY_CRANE
from bench.tools import AT_ONCE
from bench.works import Result

Results = Mapping[str, list[Result]]
OURS, SECOND = "gcr-mirror", "gcr-mirror, second pass"
# The key under which the commands of `bench.starts` stand among the works.
START = "start-up"
SMALL, LARGE = "one layer of 256 MiB", "one layer of 2 GiB"


@dataclass(frozen=True)
class Floors:
    """Seconds of the curl pipe, MiB a second of SHA-256."""

    curl: float | None
    sha256: float


@dataclass(frozen=True)
class Goal:
    """A sentence, how its value is found (None: not measured), and the bound. `reason` is for when it is missed."""

    says: str
    value: Callable[[Results, Floors], float | None]
    most: float
    reason: Callable[[Results], str] = lambda _: ""


def _of(results: Results, work: str, tool: str = OURS) -> Result | None:
    return next((one for one in results.get(work, []) if one.tool.name == tool), None)


def _best_peer(results: Results, work: str, *, equal: bool) -> Result | None:
    peers = [
        one
        for one in results.get(work, [])
        if not one.tool.ours and (not equal or one.tool.at_once <= AT_ONCE)
    ]
    return min(peers, key=lambda one: one.wall, default=None)


def _ratio(work: str, tool: str = OURS, *, equal: bool = False) -> Callable[[Results, Floors], float | None]:
    """Our wall to the best peer's in the same work; `equal`: of those with no more at once than we have."""

    def value(results: Results, _: Floors) -> float | None:
        best, ours = _best_peer(results, work, equal=equal), _of(results, work, tool)
        return ours.wall / best.wall if ours and best else None

    return value


def _requests(work: str) -> Callable[[Results, Floors], float | None]:
    def value(results: Results, _: Floors) -> float | None:
        ours = _of(results, work)
        return ours.requests() if ours else None

    return value


def _cpu(work: str) -> Callable[[Results, Floors], float | None]:
    def value(results: Results, _: Floors) -> float | None:
        ours = _of(results, work)
        return ours.cpu / BIG_GIBIBYTES if ours else None

    return value


def _pipe(results: Results, floors: Floors) -> float | None:
    ours = _of(results, "big")
    return ours.wall / floors.curl if ours and floors.curl else None


def _growth(results: Results, _: Floors) -> float | None:
    small, large = _of(results, SMALL), _of(results, LARGE)
    return large.memory - small.memory if small and large else None


def _help(results: Results, _: Floors) -> float | None:
    ours = _of(results, START, HELP)
    return ours.wall if ours else None


def _tiny(results: Results, _: Floors) -> float | None:
    ours, crane = (
        _of(results, START, TINY),
        _of(results, START, TINY_CRANE),
    )
    return ours.wall - crane.wall if ours and crane else None


def _memory(results: Results, _: Floors) -> float | None:
    return max((one.memory for found in results.values() for one in found if one.tool.ours), default=None)


def _balance(work: str, tool: str = OURS, *, equal: bool = False) -> Callable[[Results], str]:
    """Where the time goes: what client and registries used, ours and that of the peer that we are compared with."""

    def reason(results: Results) -> str:
        ours, best = _of(results, work, tool), _best_peer(results, work, equal=equal)
        start = _of(results, START, TINY)
        if not ours or not best:
            return ""
        first = _of(results, work) if tool == SECOND else None
        said = f"CPU seconds: {_used(ours, first)}; {_used(best)}"
        if start and tool == OURS:
            said += f". Of ours, {start.cpu:.2f} go into the start, on one core while the others wait"
        return said

    return reason


def _absolute(work: str) -> Callable[[Results], str]:
    """A bound in seconds is of the machine that it was set on: what the peers use on this one, beside it."""

    def reason(results: Results) -> str:
        each = [
            f"{one.tool.name} {one.cpu / BIG_GIBIBYTES:.2f}"
            for one in results.get(work, [])
            if not one.tool.ours
        ]
        return f"a bound in seconds depends on the machine; on this one the peers use {', '.join(each)}"

    return reason


def _start(results: Results) -> str:
    """Nearly all of it is one core that loads modules."""
    each = [f"{one.tool.name} {one.cpu:.2f}" for one in results.get(START, [])]
    return f"CPU seconds: {', '.join(each)}; what is loaded, and at what cost, stands below"


def _largest(results: Results) -> str:
    ours = [
        (one.memory, work, one.tool.name) for work, found in results.items() for one in found if one.tool.ours
    ]
    memory, work, name = max(ours)
    state = ", of which SQLAlchemy takes 14 for the state" if name == SECOND else ""
    return f"{name} in *{work}* has {memory:.1f}{state}"


def _used(one: Result, first: Result | None = None) -> str:
    """`first` is the work that the registries did for the same tool before, and that is not this one's."""
    said = f"{one.tool.name} in {one.wall:.2f} s: {one.cpu:.2f} in the client"
    if one.registries is None:
        return said
    before = first.registries if first and first.registries is not None else 0.0
    return f"{said}, {one.registries - before:.2f} in the registries"


# Of 2026-11-28, on the machine of the table: perf over all processes, docker-registry's own pprof, yappi over *many*.
PROFILE = """\
Where the cores are busy from end to end, time is the sum of what client and registries use; then only what the client
itself uses can be less. perf over the whole machine: in *big* docker-registry takes 76 % (42 % are SHA-256 at the
target) and the client 21 % (9 % SHA-256, 8 % the kernel's copies, 4 % Python, half of it its start); in *many*
docker-registry takes 79 % and the client 18 %, at 20 ms 73 % and 15 %, and the delaying proxies 6 %. Of what the client
uses for *big* over TLS, 43 % are OpenSSL's (SHA-256, AES), 30 % the kernel's, 11 % the C library's copies and 15 %
Python's. The client's part in *many* is flat: a third is HTTP (`mirror/transport`), a fifth threads and locks, a fifth
manifests and requests (`mirror/oci`), a seventh the plan and the copies (`mirror/sync`).

A `HEAD` of a manifest takes 2.5 ms of a core in docker-registry, and its pprof says for what: 37 % compile all its
routes anew for each request, 18 % are its garbage collection, 19 % the answer itself. So the 500 of a second pass,
which the protocol needs, fill both cores for more than 0.6 s, and to that come lists, delaying proxies and client. At
20 ms a peer with few requests at once mostly waits, which a slow machine does not lengthen, and we mostly compute,
which it does.

Needed, beyond fewer requests, which the protocol does not have: for *many* at 20 ms a client that uses a third less, or
a registry that uses a fifteenth less; for *unchanged* at 20 ms a registry that answers a `HEAD` in half the time; for
*big* a core that hashes and copies a sixth faster. Over TLS `openssl speed` takes 1.5 s of this core for a GiB (SHA-256
once, AES-128-GCM in and out), and the kernel takes 1.2 s: a program that checks digests needs 2.7 s before it does
anything of its own, so the bound needs a faster core."""
GOALS = (
    Goal("*many*, cold: requests in all", _requests("many"), 2700),
    Goal("*many*, cold: wall to the best peer's", _ratio("many"), 0.8, _balance("many")),
    Goal(
        "*many*, cold, 20 ms: wall to the best peer's at equal parallelism",
        _ratio("many, 20 ms", equal=True),
        0.65,
        _balance("many, 20 ms", equal=True),
    ),
    Goal(
        "*many*, cold, 20 ms: wall to the best peer's at any setting",
        _ratio("many, 20 ms"),
        1.0,
        _balance("many, 20 ms"),
    ),
    Goal(
        "*unchanged*: wall of the second pass to the best peer's",
        _ratio("unchanged", SECOND),
        1.0,
        _balance("unchanged", SECOND),
    ),
    Goal(
        "*unchanged*, 20 ms: the same, at equal parallelism",
        _ratio("unchanged, 20 ms", SECOND, equal=True),
        0.3,
        _balance("unchanged, 20 ms", SECOND, equal=True),
    ),
    Goal(
        "*unchanged*, 20 ms: the same, at any setting",
        _ratio("unchanged, 20 ms", SECOND),
        0.6,
        _balance("unchanged, 20 ms", SECOND),
    ),
    Goal(
        "*unchanged-10k*, 20 ms: wall to the best peer's",
        _ratio("unchanged-10k, 20 ms"),
        0.05,
        _balance("unchanged-10k, 20 ms"),
    ),
    Goal("*unchanged-10k*: list requests, greetings and logins", _requests("unchanged-10k, 20 ms"), 85),
    Goal("*big*: wall to the best peer's", _ratio("big"), 1.0, _balance("big")),
    Goal("*big*: wall to that of the `curl` pipe", _pipe, 1 / 0.9),
    Goal("*big*: client CPU seconds per GiB", _cpu("big"), 1.5, _absolute("big")),
    Goal("*big*, TLS: client CPU seconds per GiB", _cpu("big, TLS"), 2.3, _absolute("big, TLS")),
    Goal("peak memory in every case, MiB", _memory, 64, _largest),
    Goal("memory for a layer of 2 GiB beyond that for one of 256 MiB, MiB", _growth, 4),
    Goal("`gcr-mirror --help`: wall, s", _help, 0.3, _start),
    Goal("`gcr-mirror copy` of a tiny image: wall beyond crane's, s", _tiny, 0.5, _start),
)
