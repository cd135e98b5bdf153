"""Waiting: a clock whose waits end at once, and that remembers them."""

from __future__ import annotations

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
