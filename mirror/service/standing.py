"""Standing: how everything is at one moment, as values; the status page, /metrics and the JSON show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mirror.state import attempts
from mirror.state.records import PassRecord, Progress, TagRecord

PROGRESS: tuple[Progress, ...] = ("in_sync", "pending", "failed", "dead")

# Why a mirror may be frozen: the only values that the label `reason` of gcr_mirror_frozen takes.
FREEZES: Mapping[str, str] = {
    "source_down": "the source registry is down",
    "target_down": "the target registry is down",
    "source_refused": "the source registry refuses the credential",
    "target_refused": "the target registry refuses the credential",
    "empty_listing": "the source lists no tags where it had some",
    "missing_repository": "the source says that a repository is gone or may not be seen",
    "shrunken_listing": "the source lists far fewer tags than before",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not well: since when (epoch seconds), the short reason, and the words for people."""

    since: float
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Registry:
    """One registry: its kind and host, what is wrong with it, and when its credential expires.

    `contacted`: it has answered at least once.
    """

    host: str
    kind: str = "oci"
    trouble: Trouble | None = None
    credential_expiry: float | None = None
    contacted: bool = False

    @property
    def up(self) -> bool | None:
        """Whether it can be used; None: nobody knows yet."""
        if self.trouble is not None:
            return False
        return True if self.contacted else None

    @property
    def label(self) -> str:
        """What people call it."""
        vendor = {"gitlab": "GitLab", "google": "Google"}.get(self.kind)
        return f"{vendor} ({self.host})" if vendor else self.host


@dataclass(frozen=True, slots=True)
class Mirror:
    """One mirror: from where to where, its tags, and what it does now. Times are epoch seconds."""

    name: str
    source: str
    target: str
    tags: Mapping[Progress, int] = field(default_factory=dict)
    lag: float = 0.0
    frozen: Trouble | None = None
    running_since: float | None = None
    next_pass: float | None = None
    queue: int = 0
    in_flight: int = 0
    last_success: float | None = None
    passes: tuple[PassRecord, ...] = ()

    @property
    def total(self) -> int:
        """All wanted tags."""
        return sum(self.tags.values())

    @property
    def last_pass(self) -> PassRecord | None:
        """The latest pass that ended."""
        return next((record for record in self.passes if record.ended is not None), None)

    @property
    def bytes_per_second(self) -> float:
        """How fast the latest pass that copied something was; 0 when none is known."""
        for record in self.passes:
            if record.size and record.ended is not None and record.ended > record.started:
                return record.size / (record.ended - record.started)
        return 0.0


@dataclass(frozen=True, slots=True)
class Doomed:
    """A tag that will be deleted from the target at `at` (epoch seconds), unless the source has it again."""

    target: str
    at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything at the time `now`. `behind` are the tags that the target lacks as the source has them."""

    now: float
    started: float | None = None
    registries: tuple[Registry, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    behind: tuple[TagRecord, ...] = ()
    trouble: str = ""
    doomed: tuple[Doomed, ...] = ()

    @property
    def total(self) -> int:
        """All wanted tags of all mirrors."""
        return sum(mirror.total for mirror in self.mirrors)

    @property
    def in_sync(self) -> int:
        """Tags that can be pulled from the target exactly as the source has them."""
        return sum(mirror.tags.get("in_sync", 0) for mirror in self.mirrors)

    def of(self, host: str) -> Registry:
        """The registry of a host."""
        return next((found for found in self.registries if found.host == host), Registry(host))


def count(records: Iterable[TagRecord]) -> Mapping[Progress, int]:
    """How many tags are where; those that the source lost, or the rule selects no more, do not count."""
    counted = Counter(record.progress for record in records if record.counts)
    return {progress: counted[progress] for progress in PROGRESS}


def doomed(records: Iterable[TagRecord], prune_after: float | None) -> tuple[Doomed, ...]:
    """What `prune` will delete; nothing without it, and never what this program did not put there."""
    if prune_after is None:
        return ()
    return tuple(
        Doomed(f"{record.target}:{record.key.tag}", record.absent_since + prune_after)
        for record in records
        if record.absent_since is not None and record.ours
    )


def lag(records: Iterable[TagRecord], now: float) -> float:
    """Seconds that the oldest missing digest has waited."""
    return attempts.lag(records, now)
