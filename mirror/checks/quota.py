"""Quota: how many requests a minute Google grants the project, against how many the configuration lets mirrors send.

How much of it is used meanwhile is not told here, so this is room below the limit, not room that is left.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mirror.checks.check import Finding, Probe
from mirror.checks.google_api import GoogleApi, Json
from mirror.checks.place import Place
from mirror.errors import MirrorError
from mirror.registries.artifact_registry import Home

# https://cloud.google.com/artifact-registry/quotas: per minute, in each region or multi-region.
DOCUMENTED = {"requests": 60_000, "write requests": 18_000}
# The other half is left to production pulls, which use up the same quota.
_SHARE = 0.5
# A limit is known by its words, since Google documents no names of metrics; these say nothing of what is counted.
_PLAIN = {"api", "default", "http", "in", "location", "minute", "per", "project", "region"}
_KINDS = {
    frozenset({"requests"}): "requests",
    frozenset({"write", "requests"}): "write requests",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """What the configuration lets be sent: `rate` requests per second to each of `registries` that share a quota."""

    rate: float | None = None
    registries: int = 1

    @property
    def per_minute(self) -> float | None:
        """The most that all of them send together, None when nothing bounds it."""
        return None if self.rate is None else self.rate * 60 * self.registries

    def within(self, limit: int) -> float:
        """The rate to write for the mirrors to leave the rest of `limit` to others."""
        rate = limit * _SHARE / 60 / self.registries
        return math.floor(rate) if rate >= 1 else math.floor(rate * 1000) / 1000


@dataclass(frozen=True, slots=True)
class Limit:
    """Requests of one kind that are granted per minute."""

    kind: str
    value: int

    @property
    def lowered(self) -> bool:
        """Whether somebody set it below what Google grants by default."""
        return self.value < DOCUMENTED[self.kind]

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.value:,} {self.kind}"


def quota(place: Place, home: Home, api: GoogleApi, pace: Pace) -> Iterator[Finding]:
    """Whether the configured rate leaves room below the limits; "not known" is no fault of anybody's."""
    probe = place.probe("quota", f"ask for the limits per minute of {home.project} in {home.location}")
    try:
        found = limits(_metrics(home, api), home.location)
    except MirrorError as error:
        yield probe.ok(f"not known: {error}")
        return
    if not found:
        yield probe.ok("not known: Google names no limit of requests per minute")
        return
    yield _compared(probe, home, found, pace)


def limits(metrics: list[Json], location: str) -> list[Limit]:
    """The limits per minute that hold for the whole project at `location`; none for what is unlimited."""
    return [
        Limit(kind, value)
        for metric in metrics
        if (kind := _kind(metric))
        for one in metric.get("consumerQuotaLimits") or ()
        if _for_the_project(one) and (value := _effective(one, location)) >= 0
    ]


def _compared(probe: Probe, home: Home, found: list[Limit], pace: Pace) -> Finding:
    least = min(found, key=lambda one: one.value)
    granted = " and ".join(map(str, found)) + " per minute are granted, how many are used is not told"
    sent = pace.per_minute
    if sent is None:
        said = (
            f"{granted}; limits.requests_per_second is not set: the mirror yields only when Google says 429"
        )
        close = any(one.lowered for one in found)
    else:
        said = f"{granted}; the mirror sends at most {sent:,.0f}"
        close = sent > least.value * _SHARE
    if not close:
        return probe.ok(said)
    return probe.warning(
        said, _fix(home, least, pace), f"every pull from {home.project} uses up the same quota"
    )


def _fix(home: Home, least: Limit, pace: Pace) -> str:
    more = f"https://console.cloud.google.com/iam-admin/quotas?project={home.project}"
    rate = pace.within(least.value)
    if rate <= 0:
        return f"ask for more: {more}"
    return f"set limits.requests_per_second: {rate:g} (or ask for more: {more})"


def _metrics(home: Home, api: GoogleApi) -> list[Json]:
    """Every quota of Artifact Registry in the project, with those of single regions."""
    path = f"v1beta1/projects/{home.project}/services/artifactregistry.googleapis.com/consumerQuotaMetrics"
    query = {"view": "FULL"}
    found: list[Json] = []
    while True:
        page = api.call("GET", "serviceusage", path, query=query)
        found += page.get("metrics") or ()
        if not page.get("nextPageToken"):
            return found
        query["pageToken"] = page["nextPageToken"]


def _kind(metric: Json) -> str | None:
    """What the metric counts, by its id or else by the name that people read."""
    names = (metric.get("metric", "").rpartition("/")[2], metric.get("displayName", ""))
    words = (frozenset(re.findall("[a-z]+", name.lower())) - _PLAIN for name in names)
    return next((_KINDS[one] for one in words if one in _KINDS), None)


def _for_the_project(limit: Json) -> bool:
    unit = limit.get("unit", "")
    return (
        unit.startswith("1/min/")
        and "{user}" not in unit
        and limit.get("trafficSource") != "TRAFFIC_SOURCE_AGENTIC"
    )


def _effective(limit: Json, location: str) -> int:
    """The limit of the most specific bucket, which comes last; -1 is unlimited, as Google writes it."""
    here = {"region": location}.items()
    buckets = [
        one for one in limit.get("quotaBuckets") or () if (one.get("dimensions") or {}).items() <= here
    ]
    return int(buckets[-1].get("effectiveLimit", -1)) if buckets else -1
