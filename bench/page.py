"""Page: the results as `bench/README.md`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.goals import GOALS, PROFILE, START, Floors, Results
from bench.works import Result, Work

_RATIOS = """\
A ratio is that of medians, to the fastest peer that was there. A peer at equal parallelism has at most 32 transfers
under way, as we have (of mere questions we have up to 64). That no more than 64 connections are opened to a registry is
held by a test, `tests/integration/test_request_counts.py`."""
_METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT")


@dataclass(frozen=True)
class Setting:
    """The circumstances of a run: words about the machine, the tools' versions, who was not there."""

    when: str
    machine: str
    load: str
    runs: int
    versions: Mapping[str, str]
    absent: tuple[str, ...]
    files: str = "on disk"
    anew: Mapping[str, str] = field(default_factory=dict)  # works that were measured again later, and when


def page(
    setting: Setting, works: Iterable[Work], results: Results, floors: Floors, starts: list[Result]
) -> str:
    """The whole document."""
    everything = {**results, START: starts}
    parts = [_opening(setting), _goals(everything, floors), _floors(floors), _starts(starts)]
    parts += [_work(work, results[work.name], setting.anew) for work in works if work.name in results]
    return "\n".join(parts)


def _opening(setting: Setting) -> str:
    versions = "; ".join(f"{name} {version}" for name, version in setting.versions.items())
    absent = f"Not on this machine, so not measured: {', '.join(setting.absent)}. " if setting.absent else ""
    return f"""# Benchmark

Written by `make bench`; do not edit. {setting.when}, {setting.machine}, load average {setting.load}.

One run on one machine, everything on loopback: client, source and target share its cores, so a busy client also slows
its registries. Tools take turns; wall and CPU are medians of {setting.runs} runs, with the fastest and slowest in
brackets. CPU is user and system time of the client; memory is the largest process's, in its worst run. Requests were
counted by the registries in the last run. Images are made from fixed seeds, of bytes that do not compress. The source
and target are Debian's docker-registry unless the work says otherwise, and keep their files {setting.files}; the round
trip of 20 ms is made by a proxy on loopback in front of each; *big* is not sent through it, since it would be what is
measured. The second pass of gcr-mirror is the daemon's, with its state in SQLite, without its start: it keeps its
connections, and recalls what the target held. Our limits are the defaults. Peers run at their defaults and at what is
best for them; one that needs minutes for a run may have one only, and the table says so. Over 10,000 tags skopeo is not
run one repository after another: for 500 it needs minutes already.

{absent}Tools: {versions}.
"""


def _goals(results: Results, floors: Floors) -> str:
    rows = []
    reasons = []
    for goal in GOALS:
        value = goal.value(results, floors)
        if value is None:
            rows.append(f"| {goal.says} | {goal.most:.4g} | not measured | |")
            continue
        met = value <= goal.most
        rows.append(f"| {goal.says} | {goal.most:.4g} | {value:.4g} | {'yes' if met else '**no**'} |")
        if not met:
            reasons.append(f"- {goal.says}: {goal.reason(results) or 'not looked into yet'}.")
    missed = ["", "What is missed, and why:", "", *reasons, "", PROFILE, ""] if reasons else [""]
    return "\n".join(
        [
            "## Goals",
            "",
            _RATIOS,
            "",
            "| goal | at most | found | met |",
            "|---|---|---|---|",
            *rows,
            *missed,
        ]
    )


def _floors(floors: Floors) -> str:
    pipe = (
        f"`curl` alone, from registry to registry, streams *big* in {floors.curl:.1f} s. "
        if floors.curl
        else ""
    )
    return f"## Floors\n\n{pipe}One core hashes {floors.sha256:,.0f} MiB a second with SHA-256.\n"


def _starts(starts: list[Result]) -> str:
    rows = [
        f"| {one.tool.name} | {_range(one, 'wall')} | {_range(one, 'cpu')} | {one.memory:.0f} |"
        for one in starts
    ]
    head = ["| command | wall, s | CPU, s | memory, MiB |", "|---|---|---|---|"]
    return "\n".join(["## Start-up", "", *head, *rows, ""])


def _work(work: Work, found: list[Result], anew: Mapping[str, str]) -> str:
    later = f" Measured anew, all tools in turns: {anew[work.name]}." if work.name in anew else ""
    head = [
        "| tool | wall, s | CPU, s | registries' CPU, s | memory, MiB | requests | at the source | at the target |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = [_row(one) for one in found]
    commands = [f"    {one.command}" for one in found]
    return "\n".join([f"## {work.name}", "", work.about + later, "", *head, *rows, "", *commands, ""])


def _row(one: Result) -> str:
    name = one.tool.name + (" (one run)" if len(one.runs) == 1 and one.tool.runs == 1 else "")
    both = "both passes: " if one.tool.tells_itself else ""
    registries = f"{both}{one.registries:.2f}" if one.registries is not None else ""
    cells = [
        name,
        _range(one, "wall"),
        _range(one, "cpu"),
        registries,
        f"{one.memory:.0f}",
        f"{both}{one.requests():,}",
    ]
    return "| " + " | ".join([*cells, _methods(one, "source"), _methods(one, "target")]) + " |"


def _methods(one: Result, side: str) -> str:
    return ", ".join(f"{count:,} {name}" for name in _METHODS if (count := one.requests(side, name)))


def _range(one: Result, what: str) -> str:
    values = [getattr(run, what) for run in one.runs]
    middle = one.wall if what == "wall" else one.cpu
    return f"{middle:.2f} ({min(values):.2f}-{max(values):.2f})" if len(values) > 1 else f"{middle:.2f}"
