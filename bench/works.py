"""Works: what is measured, where, and by whom."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import shapes, tools
from bench.places import Counts, Listing, Place, Real
from bench.stopwatch import Measured, measure
from bench.tools import Tool


@dataclass(frozen=True)
class Work:
    """A title and its sentence for the page, how its place is made, and who does it."""

    name: str
    about: str
    place: Callable[[Path], Place]
    tools: tuple[Tool, ...]


@dataclass(frozen=True)
class Result:
    """One tool at one work: every run, the requests of the last, and the registries' CPU seconds in each."""

    tool: Tool
    runs: tuple[Measured, ...]
    counts: Counts
    command: str
    busy: tuple[float, ...] = ()

    @property
    def registries(self) -> float | None:
        """The median of what both registries used, in CPU seconds; None where it was not measured."""
        return statistics.median(self.busy) if self.busy else None

    @property
    def wall(self) -> float:
        """The median, in seconds."""
        return statistics.median(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        """The median, in seconds."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def memory(self) -> float:
        """The worst of all runs, in MiB."""
        return max(run.memory for run in self.runs) / 1024

    def requests(self, side: str = "", method: str = "") -> int:
        """How many there were."""
        sides = [self.counts[side]] if side else list(self.counts.values())
        return sum(count for methods in sides for name, count in methods.items() if method in ("", name))


def _of_one_repository(tags: int, jobs: int) -> tuple[Tool, ...]:
    """Who copies all tags of a single repository; `jobs` is what crane does best with."""
    return (
        OURS,
        tools.skopeo_copy(1),
        tools.skopeo_copy(tags),
        tools.crane(1, jobs),
        tools.crane(),
        tools.regsync(16),
        tools.regsync(),
    )


OURS = tools.ours()
_BEST = (tools.skopeo(20), tools.crane(4, 8), tools.crane(20, 16), tools.regsync(16))
_DEFAULTS = (tools.skopeo(1), tools.crane(), tools.regsync())
_FAR = 20.0

WORKS = (
    Work(
        "unchanged",
        "The work *many* again, with nothing to do.",
        lambda folder: Real(folder, shapes.many(), warm=True),
        (OURS, tools.second_pass(), *_BEST, *_DEFAULTS),
    ),
    Work(
        "multi",
        "10 indexes of four platforms; the target is empty.",
        lambda folder: Real(folder, shapes.multi()),
        _of_one_repository(10, jobs=16),
    ),
    Work(
        "many",
        "20 repositories of 25 tags; three layers each, two shared in the repository, one by all; the target is empty.",
        lambda folder: Real(folder, shapes.many()),
        (OURS, *_BEST, *_DEFAULTS),
    ),
    Work(
        "unchanged-10k, 20 ms",
        "20 repositories of 500 tags with nothing to do. The registries are ours (the embedded GitLab and Google, "
        "whose lists tell digests) and wait 20 ms before each answer.",
        lambda folder: Listing(folder, shapes.thousands(), delay=_FAR),
        (OURS, *_BEST, tools.rarely(tools.crane()), tools.rarely(tools.regsync())),
    ),
    Work(
        "one new tag among 10,000, 20 ms",
        "The same registries; before each run one tag is new at the source. Without regsync, whose library keeps the "
        "login when it is sent on to another port of the same host, which the storage of this registry refuses.",
        lambda folder: tools.NewTags(folder, shapes.thousands(), delay=_FAR),
        (
            OURS,
            tools.rarely(tools.skopeo(20)),
            tools.crane(4, 8),
            tools.crane(20, 16),
            tools.rarely(tools.crane()),
        ),
    ),
    Work(
        "unchanged, 20 ms",
        "The same with a round trip of 20 ms to either registry.",
        lambda folder: Real(folder, shapes.many(), warm=True, delay=_FAR),
        (
            OURS,
            tools.second_pass(),
            *_BEST,
            tools.rarely(tools.skopeo(1)),
            tools.crane(),
            tools.regsync(),
        ),
    ),
    Work(
        "big",
        "4 tags, each one layer of 256 MiB and four of 16 MiB; the target is empty.",
        lambda folder: Real(folder, shapes.big()),
        _of_one_repository(4, jobs=4),
    ),
    Work(
        "multi, 20 ms",
        "The same with a round trip of 20 ms to either registry.",
        lambda folder: Real(folder, shapes.multi(), delay=_FAR),
        _of_one_repository(10, jobs=16),
    ),
    Work(
        "many, 20 ms",
        "The same with a round trip of 20 ms to either registry.",
        lambda folder: Real(folder, shapes.many(), delay=_FAR),
        (OURS, *_BEST, tools.rarely(tools.skopeo(1)), tools.crane(), tools.regsync()),
    ),
    Work(
        "big, TLS",
        "The same over TLS, with a private authority.",
        lambda folder: Real(folder, shapes.big(), tls=True),
        _of_one_repository(4, jobs=4),
    ),
    Work(
        "one layer of 256 MiB",
        "For the memory alone.",
        lambda folder: Real(folder, shapes.big(1, 256 * shapes.MEBIBYTE, 1)),
        (OURS,),
    ),
    Work(
        "one layer of 2 GiB",
        "The same, eight times as large.",
        lambda folder: Real(folder, shapes.big(1, 2048 * shapes.MEBIBYTE, 1)),
        (tools.rarely(OURS),),
    ),
)


def do(work: Work, folder: Path, runs: int) -> list[Result]:
    """Run every tool that is there so many times, taking turns."""
    there = [tool for tool in work.tools if tool.there]
    found: dict[str, list[Measured]] = {tool.name: [] for tool in there}
    counts: dict[str, Counts] = {}
    commands: dict[str, str] = {}
    busy: dict[str, list[float]] = {tool.name: [] for tool in there}
    with work.place(folder) as place:
        for run in range(runs):
            for tool in there:
                if run < tool.runs:
                    place.renew()
                    found[tool.name].append(_once(tool, place))
                    busy[tool.name].append(place.busy())
                    counts[tool.name] = place.counts()
                    commands[tool.name] = _shown(tool.command(place), place)
                    _tell(work, tool, found[tool.name][-1])
    return [
        Result(tool, tuple(found[tool.name]), counts[tool.name], commands[tool.name], tuple(busy[tool.name]))
        for tool in there
    ]


def _once(tool: Tool, place: Place) -> Measured:
    measured = measure(tool.command(place), place.folder, env=tool.env(place))
    if not tool.tells_itself:
        return measured
    told = json.loads((place.folder / "out").read_text())
    return Measured(told["wall"], told["cpu"], measured.memory)


def _shown(command: Sequence[str], place: Place) -> str:
    """The command line as a reader would type it: no folders of this run."""
    words = command[-1] if command[0] == "sh" else " ".join(command)
    for text, name in (
        (str(place.folder), "."),
        (f"{sys.executable} -m mirror", "gcr-mirror"),
        (f"{sys.executable} -m", "python -m"),
        (" ".join(place.images), "REPOSITORIES"),
        (place.source, "SOURCE"),
        (place.target, "TARGET"),
    ):
        words = words.replace(text, name)
    return words


def _tell(work: Work, tool: Tool, measured: Measured) -> None:
    clock = time.strftime("%H:%M:%S")
    print(
        f"{clock} {work.name}: {tool.name}: {measured.wall:.2f} s, CPU {measured.cpu:.2f} s", file=sys.stderr
    )
