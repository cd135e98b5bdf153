"""Report: what a pass came to, counted from its events."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from typing import Any

from mirror.events import Copied, Event, Failed, Kept, Planned, Requested, Settled, Unchanged
from mirror.oci.digest import Digest

# The registry itself could not be used: no image's fault.
UNUSABLE = frozenset(
    {"unreachable", "timeout", "unavailable", "unauthorized", "circuit_open", "forbidden_address"}
)


class Report:
    """One mirror's pass. `requests` counts by registry host; sizes are bytes."""

    def __init__(self, mirror: str, source_host: str, target_host: str) -> None:
        """Nothing has happened yet."""
        self.mirror = mirror
        self.source_host = source_host
        self.target_host = target_host
        self.planned: list[Planned] = []
        self.copied: list[Copied] = []
        self.in_step: list[Unchanged] = []
        self.kept: list[Kept] = []
        self.failed: list[Failed] = []
        self.blobs: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.seconds = 0.0
        self._lock = threading.Lock()

    def observe(self, event: Event) -> None:
        """Count; called from many threads."""
        with self._lock:
            match event:
                case Unchanged():
                    self.in_step.append(event)
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
        for event in self.in_step:
            found[event.repository].update({tag: Digest(digest) for tag, digest in event.digests.items()})
        for copied in self.copied:
            found[copied.repository][copied.tag] = Digest(copied.digest)
        return found

    @property
    def unchanged(self) -> int:
        """How many tags were in step already."""
        return sum(len(event.digests) for event in self.in_step)

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
            "unchanged": self.unchanged,
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
