"""Goals: what the benchmark is held to, and why a goal that is missed is missed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.shapes import BIG_GIBIBYTES
from bench.works import Result

Results = Mapping[str, list[Result]]
OURS, SECOND = "gcr-mirror", "gcr-mirror, second pass"


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
    reason: str = ""


def _of(results: Results, work: str, tool: str = OURS) -> Result | None:
    return next((one for one in results.get(work, []) if one.tool.name == tool), None)


def _ratio(work: str, tool: str = OURS) -> Callable[[Results, Floors], float | None]:
    """Our wall to the best peer's in the same work."""

    def value(results: Results, _: Floors) -> float | None:
        peers = [one.wall for one in results.get(work, []) if not one.tool.ours]
        ours = _of(results, work, tool)
        return ours.wall / min(peers) if ours and peers else None

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


def _memory(results: Results, _: Floors) -> float | None:
    return max((one.memory for found in results.values() for one in found if one.tool.ours), default=None)


_BUSY = (
    "perf of half the work shows a third in SHA-256, a third in the kernel (copying from socket to socket) and a "
    "third in Python, most of it the start of the program, 0.3 s whatever the size; TLS adds deciphering and "
    "ciphering. All of it costs more when others use the cores, as the load average says they did. Needed: a quieter "
    "hour, or a start without pydantic"
)
GOALS = (
    Goal("*many*, cold: requests in all", _requests("many"), 2700),
    Goal("*many*, cold: wall to the best peer's", _ratio("many"), 0.8),
    Goal("*many*, cold, 20 ms: wall to the best peer's", _ratio("many, 20 ms"), 0.65),
    Goal("*unchanged*: wall of the second pass to the best peer's", _ratio("unchanged", SECOND), 1.0),
    Goal("*unchanged*, 20 ms: the same", _ratio("unchanged, 20 ms", SECOND), 0.3),
    Goal("*unchanged-10k*, 20 ms: wall to the best peer's", _ratio("unchanged-10k, 20 ms"), 0.05),
    Goal("*unchanged-10k*: list requests, greetings and logins", _requests("unchanged-10k, 20 ms"), 85),
    Goal("*big*: wall to the best peer's", _ratio("big"), 1.0),
    Goal("*big*: wall to that of the `curl` pipe", _pipe, 1 / 0.9),
    Goal(
        "*big*: client CPU seconds per GiB",
        _cpu("big"),
        1.5,
        _BUSY,
    ),
    Goal("*big*, TLS: client CPU seconds per GiB", _cpu("big, TLS"), 2.3, _BUSY),
    Goal("peak memory in every case, MiB", _memory, 64),
)
