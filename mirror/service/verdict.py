"""Verdict: the one sentence that somebody needs who opens the status page during an outage. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mirror.service.standing import FREEZES, Mirror, Registry, Standing

Level = Literal["ok", "busy", "warning", "down", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it is, in one word for programs and in one sentence for people."""

    level: Level
    sentence: str


def verdict(standing: Standing) -> Verdict:
    """The verdict; the worst news come first, and what can still be pulled always follows."""
    for judge in (_registries, _memory, _frozen, _new, _failing, _pending):
        found = judge(standing)
        if found is not None:
            return found
    if standing.total == 0:
        return Verdict("ok", "Everything is in step: no tag is selected by the configuration.")
    number = f"all {standing.total:,} tags" if standing.total > 1 else "the one tag"
    return Verdict("ok", f"Everything is in step: {number} can be pulled from {where(standing)}.")


def clock_time(since: float, now: float) -> str:
    """`14:02 UTC`, with the day when it was not today."""
    then = datetime.fromtimestamp(since, UTC)
    today = then.date() == datetime.fromtimestamp(now, UTC).date()
    return then.strftime("%H:%M UTC" if today else "%d %b %H:%M UTC")


def where(standing: Standing) -> str:
    """What people call the targets."""
    targets = {standing.of(mirror.target) for mirror in standing.mirrors}
    if targets and all(target.kind == "google" for target in targets):
        return "Google"
    return targets.pop().label if len(targets) == 1 else "the targets"


def coverage(standing: Standing) -> str:
    """How many tags can be pulled from the targets, and what is with the others."""
    total, there = standing.total, standing.in_sync
    place = where(standing)
    if total == 0:
        return "no tags are known yet"
    if there == total:
        return f"all {total:,} tags can be pulled from {place}"
    missing = total - there
    others = f"these {missing:,} cannot" if missing > 1 else "this 1 cannot"
    return f"{there:,} of {total:,} tags can be pulled from {place}; {others}"


def _registries(standing: Standing) -> Verdict | None:
    troubled = [registry for registry in standing.registries if registry.trouble]
    if not troubled:
        return None
    targets = {mirror.target for mirror in standing.mirrors}
    said = "; ".join(_trouble(registry, standing.now) for registry in troubled)
    unreachable = [found for found in troubled if found.host in targets and not _refused(found)]
    if unreachable:
        rest = f"nothing can be copied, and {_tags(standing.total - standing.in_sync)} to be"
    else:
        rest = coverage(standing)
    return Verdict("down", f"{said}; {rest}.")


def _trouble(registry: Registry, now: float) -> str:
    since = clock_time(registry.trouble.since, now) if registry.trouble else ""
    what = "refuses the credential" if _refused(registry) else "is down"
    return f"{registry.label} {what} since {since}"


def _refused(registry: Registry) -> bool:
    return registry.trouble is not None and registry.trouble.reason == "unauthorized"


def _tags(count: int) -> str:
    return "1 tag waits" if count == 1 else f"{count:,} tags wait"


def _memory(standing: Standing) -> Verdict | None:
    if not standing.trouble:
        return None
    return Verdict("warning", f"{_capital(standing.trouble)}; {coverage(standing)}.")


def _frozen(standing: Standing) -> Verdict | None:
    frozen = [mirror for mirror in standing.mirrors if mirror.frozen]
    if not frozen:
        return None
    said = "; ".join(_frost(mirror, standing.now) for mirror in frozen)
    return Verdict("warning", f"{said}. Nothing is overwritten or deleted meanwhile; {coverage(standing)}.")


def _frost(mirror: Mirror, now: float) -> str:
    if mirror.frozen is None:
        return ""
    why = FREEZES.get(mirror.frozen.reason, mirror.frozen.reason)
    return f"The mirror {mirror.name} is frozen since {clock_time(mirror.frozen.since, now)}, because {why}"


def _new(standing: Standing) -> Verdict | None:
    new = [mirror for mirror in standing.mirrors if mirror.last_pass is None]
    if not new:
        return None
    names = ", ".join(mirror.name for mirror in new)
    known = f"; {coverage(standing)} so far" if standing.total else ""
    return Verdict("unknown", f"The first pass has not ended yet ({names}){known}.")


def _failing(standing: Standing) -> Verdict | None:
    broken = [mirror.name for mirror in standing.mirrors if _whole_pass_failed(mirror)]
    if broken:
        return Verdict("warning", f"The last pass failed ({', '.join(broken)}); {coverage(standing)}.")
    failing = sum(mirror.tags.get("failed", 0) + mirror.tags.get("dead", 0) for mirror in standing.mirrors)
    if failing == 0:
        return None
    fails = "1 tag fails" if failing == 1 else f"{failing:,} tags fail"
    return Verdict("warning", f"{fails} to be copied; {coverage(standing)}.")


def _whole_pass_failed(mirror: Mirror) -> bool:
    return mirror.last_pass is not None and mirror.last_pass.result == "failed"


def _pending(standing: Standing) -> Verdict | None:
    pending = standing.total - standing.in_sync
    if pending == 0:
        return None
    wait = "1 is on its way" if pending == 1 else f"{pending:,} are on their way"
    tags = f"{standing.in_sync:,} of {standing.total:,} tags can be pulled from {where(standing)}"
    return Verdict("busy", f"{tags}; {wait}.")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
