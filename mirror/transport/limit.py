"""Limits: how much is asked of a registry at once, and how that yields when the registry says "too much"."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mirror.events import Observe, Throttled
from mirror.transport.clock import Clock
from mirror.transport.retry import LONGEST_ASKED

# Waits shorter than this are the noise of taking turns, not throttling.
_WORTH_TELLING = 0.01


class Parallelism:
    """How many requests may be in flight: halves on "too many requests", recovers one by one.

    The rule is TCP's (additive increase, multiplicative decrease). Pure: no clock, no lock.
    """

    def __init__(self, most: int) -> None:
        """Begin at `most`, and never go above it or below 1."""
        self._most = float(most)
        self._now = float(most)

    @property
    def allowed(self) -> int:
        """Requests that may be in flight at this moment."""
        return int(self._now)

    def succeeded(self) -> None:
        """About `allowed` successes raise the limit by one."""
        self._now = min(self._most, self._now + 1 / self._now)

    def refused(self) -> None:
        """Halve."""
        self._now = max(1.0, self._now / 2)


class Pace:
    """At most `rate` units a second; a caller that comes too early is told how long to wait. Thread-safe."""

    def __init__(self, rate: float | None) -> None:
        """`rate` None means no limit."""
        self._rate = rate
        self._lock = threading.Lock()
        self._free_at = 0.0

    def delay(self, amount: float, now: float) -> float:
        """Take `amount` units at the time `now`; the seconds to wait before using them."""
        if self._rate is None:
            return 0.0
        with self._lock:
            start = max(self._free_at, now)
            self._free_at = start + amount / self._rate
            return start - now


class Gate:
    """What every request to one registry passes: parallelism, rate, and the pause that a 429 asks for.

    A thread that has a turn gets further ones at once: while it writes a blob it may have to open the blob's
    source again, and where both are at the same registry it would otherwise wait for itself.
    """

    def __init__(
        self,
        registry: str,
        *,
        parallel: int,
        rate: float | None = None,
        clock: Clock,
        observe: Observe,
        longest_pause: float = LONGEST_ASKED,
    ) -> None:
        """`parallel` requests in flight, `rate` requests a second (None: no limit), `longest_pause` in seconds."""
        self._registry = registry
        self._parallelism = Parallelism(parallel)
        self._pace = Pace(rate)
        self._clock = clock
        self._observe = observe
        self._longest_pause = longest_pause
        self._turn = threading.Condition()
        self._held = threading.local()
        self._in_flight = 0
        self._generation = 0
        self._paused_until = 0.0

    @property
    def allowed(self) -> int:
        """Requests that may be in flight at this moment."""
        return self._parallelism.allowed

    @contextmanager
    def turn(self) -> Iterator[int]:
        """One request's turn. Yields the generation to give to `refused`."""
        if getattr(self._held, "turn", False):
            yield self._generation
            return
        started = self._clock.monotonic()
        self._take()
        self._held.turn = True
        try:
            pause = self._pace.delay(1, self._clock.monotonic())
            if pause:
                self._clock.wait(pause)
            self._tell(self._clock.monotonic() - started)
            yield self._generation
        finally:
            self._held.turn = False
            self._give_back()

    def succeeded(self) -> None:
        """The registry answered as it should."""
        with self._turn:
            self._parallelism.succeeded()
            self._turn.notify()

    def refused(self, generation: int, retry_after: float | None) -> None:
        """The registry said "too many requests" to a request of `generation`.

        All requests that were in flight together count as one refusal: the first of them halves.
        """
        with self._turn:
            if generation == self._generation:
                self._generation += 1
                self._parallelism.refused()
            if retry_after is not None:
                pause = min(retry_after, self._longest_pause)
                self._paused_until = max(self._paused_until, self._clock.monotonic() + pause)

    def _take(self) -> None:
        """Wait for a place and for the end of a pause; a pause may begin while one waits for the place."""
        while True:
            self._clock.check()
            with self._turn:
                while self._in_flight >= self._parallelism.allowed:
                    self._turn.wait(1.0)
                    self._clock.check()
                remaining = self._paused_until - self._clock.monotonic()
                if remaining <= 0:
                    self._in_flight += 1
                    return
            self._clock.wait(remaining)

    def _give_back(self) -> None:
        with self._turn:
            self._in_flight -= 1
            self._turn.notify()

    def _tell(self, waited: float) -> None:
        if waited > _WORTH_TELLING:
            self._observe(Throttled(self._registry, waited))
