"""Schedule: when one mirror is looked at again, and at how much of it. Pure; times are monotonic seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

# Pushes come in bursts: one image and its signature, all images of a pipeline.
DEBOUNCE = 2.0
# However often triggers come, and tags fail, one repository is looked at no more often than this.
LEAST_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """The next look at everything, and earlier ones at some repositories: path -> when."""

    everything_at: float
    some_at: Mapping[str, float] = field(default_factory=dict)

    def hastened(self, path: str, now: float) -> Schedule:
        """Something changed in a repository. A burst is waited for, but never longer than from its first word."""
        soon = min(now + DEBOUNCE, self.some_at.get(path, now + DEBOUNCE))
        return replace(self, some_at={**self.some_at, path: soon})

    def at_once(self, now: float) -> Schedule:
        """Look at everything now."""
        return Schedule(now)

    def after(self, now: float, delay: float) -> Schedule:
        """Everything was looked at: again after `delay`; what was asked for earlier is done."""
        return Schedule(now + delay)

    def after_some(self, paths: frozenset[str]) -> Schedule:
        """These were looked at."""
        return replace(self, some_at={path: at for path, at in self.some_at.items() if path not in paths})

    def also(self, path: str, at: float) -> Schedule:
        """A repository is to be looked at then, if not earlier anyway."""
        return replace(self, some_at={**self.some_at, path: min(at, self.some_at.get(path, at))})

    def due(self, now: float) -> frozenset[str] | None:
        """Which repositories to look at now: None means everything, an empty set nothing yet."""
        if now >= self.everything_at:
            return None
        return frozenset(path for path, at in self.some_at.items() if now >= at)

    @property
    def next_at(self) -> float:
        """When there is something to do."""
        return min(self.everything_at, *self.some_at.values()) if self.some_at else self.everything_at


def jittered(interval: float, jitter: float) -> float:
    """The interval, a tenth shorter or longer; `jitter` is 0 to 1. Mirrors must not march in step."""
    return interval * (0.9 + 0.2 * jitter)
