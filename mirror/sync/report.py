"""Report: what a pass came to, counted from its events."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from mirror.events import Copied, Event, Failed, Kept, Planned, Requested, Settled, Unchanged
from mirror.oci.digest import Digest

# The registry itself could not be used: no image's fault.
UNUSABLE = frozenset(
    {"unreachable", "timeout", "unavailable", "unauthorized", "circuit_open", "forbidden_address"}
)


@dataclass
class Report:
    """One mirror's pass. `requests` counts by registry host; sizes are bytes."""

    mirror: str
    source_host: str
    target_host: str
    planned: list[Planned] = field(default_factory=list)
    copied: list[Copied] = field(default_factory=list)
    unchanged: list[Unchanged] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    blobs: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def observe(self, event: Event) -> None:
        """Count; called from many threads."""
        with self._lock:
            match event:
                case Unchanged():
                    self.unchanged.append(event)
                case Requested():
                    self.requests[event.registry] += 1
                case Settled():
                    self.blobs[event.outcome] += 1
                case Planned():
                    self.planned.append(event)
                case Copied():
                    self.copied.append(event)
                case Kept():
                    self.kept.append(event)
                case Failed():
                    self.failed.append(event)
                case _:
                    pass

    @property
    def tags(self) -> dict[str, dict[str, Digest]]:
        """The digest of every tag that is in step now, by repository."""
        found: dict[str, dict[str, Digest]] = defaultdict(dict)
        events: list[Unchanged | Copied] = [*self.unchanged, *self.copied]
        for event in events:
            found[event.repository][event.tag] = Digest(event.digest)
        return found

    @property
    def size(self) -> int:
        """Bytes sent to the target."""
        return sum(copied.size for copied in self.copied)

    @property
    def unusable(self) -> bool:
        """Whether a registry could not be reached or refused the login, so that a repository was not even seen."""
        return any(failure.reason in UNUSABLE and not failure.tag for failure in self.failed)

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` promises."""
        return {
            "name": self.mirror,
            "repositories": len(self.planned),
            "tags": sum(planned.wanted for planned in self.planned),
            "copied": len(self.copied),
            "unchanged": len(self.unchanged),
            "kept": len(self.kept),
            "failed": len(self.failed),
            "bytes": self.size,
            "requests": {
                "source": self.requests[self.source_host],
                "target": self.requests[self.target_host],
            },
            "seconds": round(self.seconds, 3),
            "errors": [
                {"reference": failure.reference, "reason": failure.reason, "message": failure.message}
                for failure in self.failed
            ],
        }
