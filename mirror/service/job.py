"""Job: one configured mirror as the service sees it, made by the bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mirror.errors import Unauthorized
from mirror.sync.guard import Guard
from mirror.sync.prune import Holder
from mirror.sync.reconcile import Mirror
from mirror.sync.workers import Workers


class Endpoint(Protocol):
    """What the service needs of a registry."""

    @property
    def host(self) -> str:
        """`name[:port]`."""

    @property
    def refusal(self) -> Unauthorized | None:
        """Why the credential is refused, None while it is not known to be."""

    def forget_refusal(self) -> None:
        """The credential has changed: ask again."""

    def ping(self, *, tries: bool) -> None:
        """One cheap request; with `tries` False, only one. Raises MirrorError."""


@dataclass(frozen=True)
class Side:
    """One registry of a mirror. `files` are those that its credential is kept in.

    `ends` asks the vendor when that credential ends (epoch), which takes a request.
    """

    kind: str
    endpoint: Endpoint
    files: tuple[Path, ...] = ()
    ends: Callable[[], float | None] = field(default=lambda: None, compare=False)

    @property
    def host(self) -> str:
        """`name[:port]`."""
        return self.endpoint.host


@dataclass(frozen=True)
class Job:
    """One mirror: what to run, how often, and what to believe. Times are in seconds."""

    mirror: Mirror
    source: Side
    target: Side
    interval: float
    covers: Callable[[str], bool]
    workers: Callable[[], Workers]
    holder: Callable[[str], Holder]
    guard: Guard = field(default_factory=Guard)
    prune_after: float | None = None
    recheck: float = 0.0

    @property
    def name(self) -> str:
        """The mirror's name."""
        return self.mirror.name
