"""Tally: what one running pass has come to, counted from its events; and when it last showed a sign of life."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mirror.events import Copied, Event, Failed, Kept, Planned, Started, Unchanged
from mirror.state.attempts import NOT_THE_IMAGES_FAULT
from mirror.state.records import PassRecord, Result


class Tally:
    """The counts of one pass. Thread-safe."""

    def __init__(self, mirror: str, started: float, clock: Callable[[], float]) -> None:
        """`started` in epoch seconds; `clock` is monotonic and dates the signs of life."""
        self.mirror = mirror
        self.started = started
        self._clock = clock
        self._lock = threading.Lock()
        self.alive_at = clock()
        self.repositories = self.tags = self.copied = self.unchanged = self.failed = self.size = 0
        self.interrupted = self.waiting = self.in_flight = 0
        self.whole: list[Failed] = []
        self._copying = False

    def observe(self, event: Event) -> None:
        """Count one event of this mirror, or of its registries."""
        with self._lock:
            self.alive_at = self._clock()
            match event:
                case Planned():
                    self._copying = True
                    self.repositories += 1
                    self.tags += event.wanted
                    self.waiting += event.copies
                case Started():
                    self.waiting -= 1
                    self.in_flight += 1
                case Copied():
                    self.in_flight -= 1
                    self.copied += 1
                    self.size += event.size
                case Unchanged():
                    self.unchanged += len(event.digests)
                case Kept():
                    self.unchanged += 1
                case Failed():
                    self._fail(event)
                case _:
                    pass

    def _fail(self, event: Failed) -> None:
        if event.reason in NOT_THE_IMAGES_FAULT:
            self.interrupted += 1
        else:
            self.failed += 1
        if not event.tag:
            self.whole.append(event)
        elif self._copying:
            self.in_flight -= 1

    @property
    def queue(self) -> int:
        """Images that wait to be copied."""
        return max(0, self.waiting)

    @property
    def copying(self) -> int:
        """Images being copied now."""
        return max(0, self.in_flight)

    def result(self) -> Result:
        """What a pass that came to its end was."""
        if not self.failed and not self.interrupted:
            return "ok"
        return "partial" if self.repositories else "failed"

    def record(
        self, *, ended: float | None = None, result: Result | None = None, message: str = ""
    ) -> PassRecord:
        """The pass as it is remembered."""
        return PassRecord(
            mirror=self.mirror,
            started=self.started,
            ended=ended,
            result=result,
            repositories=self.repositories,
            tags=self.tags,
            copied=self.copied,
            unchanged=self.unchanged,
            failed=self.failed,
            size=self.size,
            message=message or next((failure.message for failure in self.whole), ""),
        )
