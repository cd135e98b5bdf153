"""Waiting: clocks whose waits end at once, and that remember them; and waiting for what other threads do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mirror.transport.clock import Clock


class Instant(Clock):
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        """Note it."""
        self.waits.append(seconds)

    def monotonic(self) -> float:
        """The waits so far."""
        return sum(self.waits)


class Skipping(Clock):
    """Waits take no time: the clock is put forward instead, and what was waited for is kept."""

    def __init__(self) -> None:
        """Begin at the machine's own time."""
        super().__init__()
        self.waits: list[float] = []
        self._ahead = 0.0
        self._turn = threading.Lock()

    def monotonic(self) -> float:
        """The machine's time, and all that was skipped."""
        return time.monotonic() + self._ahead

    def wait(self, seconds: float) -> None:
        """Be there at once."""
        self.check()
        with self._turn:
            self.waits.append(seconds)
            self._ahead += seconds


def until(met: Callable[[], object], seconds: float = 45.0) -> None:
    """Come back when it is so; an error when it takes longer than that."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.1)
