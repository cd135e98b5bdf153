"""Records: what is remembered of one tag, one pass, and of the registries and mirrors that are not well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Progress = Literal["in_sync", "pending", "failed", "dead"]
Result = Literal["ok", "partial", "failed", "frozen", "stopped"]
Scope = Literal["registry", "mirror"]


class Key(NamedTuple):
    """Which tag: the name of the mirror, the repository at the source, the tag."""

    mirror: str
    repository: str
    tag: str


@dataclass(frozen=True, slots=True)
class TagRecord:
    """One wanted tag. `published` is when the source says the digest was pushed, where it says so.

    `target` is `host/path` at the target. `kept` marks a tag that differs there because its rule says so.
    `ours` is the last digest that this program itself put under the tag: the only one it may ever delete.
    `attempts` counts failures since the last success, `refusals` those of them that were permanent.
    `absent_since` is when complete listings of the source began to lack the tag; `wanted` is False for one that
    the source still has, but the rule of the mirror selects no more.
    """

    key: Key
    target: str = ""
    source_digest: str | None = None
    target_digest: str | None = None
    kept: bool = False
    wanted: bool = True
    ours: str | None = None
    size: int = 0
    published: float | None = None
    first_seen: float = 0.0
    copied_at: float | None = None
    absent_since: float | None = None
    attempts: int = 0
    refusals: int = 0
    next_attempt: float | None = None
    reason: str | None = None
    message: str | None = None
    dead: bool = False

    @property
    def progress(self) -> Progress:
        """Where the tag stands; `failed` will be tried again by itself, `dead` only when somebody asks."""
        if self.dead:
            return "dead"
        if self.kept or (self.source_digest is not None and self.source_digest == self.target_digest):
            return "in_sync"
        return "failed" if self.reason else "pending"

    @property
    def counts(self) -> bool:
        """Whether the tag is one of those that the mirror is for."""
        return self.wanted and self.absent_since is None

    @property
    def waiting_since(self) -> float | None:
        """Since when the target lacks the source's digest; None when it does not."""
        if self.progress == "in_sync" or not self.counts:
            return None
        return self.first_seen if self.published is None else self.published


@dataclass(frozen=True, slots=True)
class PassRecord:
    """One pass of a mirror. `ended` None: it is running, or the process was killed in it."""

    mirror: str
    started: float
    ended: float | None = None
    result: Result | None = None
    repositories: int = 0
    tags: int = 0
    copied: int = 0
    unchanged: int = 0
    failed: int = 0
    size: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A registry (by host) that is down, or a mirror (by name) that is frozen: since when, and why."""

    scope: Scope
    name: str
    since: float
    reason: str
    message: str


class State(Protocol):
    """What a memory can do. Every verb may raise StateError."""

    def tags(self, mirror: str | None = None) -> list[TagRecord]:
        """Every record (of one mirror), ordered by key."""

    def save(self, records: Iterable[TagRecord]) -> None:
        """Write the records, replacing those of the same key; all of them or none."""

    def forget(self, keys: Iterable[Key]) -> None:
        """Remove records; those that are not there are no error."""

    def log_pass(self, record: PassRecord) -> None:
        """Write a pass, replacing the one of this mirror that started at the same time."""

    def passes(self, mirror: str | None = None, limit: int = 20) -> list[PassRecord]:
        """The latest passes (of one mirror), newest first."""

    def trim_passes(self, keep: int) -> None:
        """Keep the latest `keep` passes of each mirror."""

    def conditions(self) -> list[Condition]:
        """What is not well now, ordered by scope and name."""

    def set_condition(self, condition: Condition) -> None:
        """Something is not well; replaces what was said of it before."""

    def clear_condition(self, scope: Scope, name: str) -> None:
        """It is well again; no error when it was."""

    def close(self) -> None:
        """Give back files and connections."""
