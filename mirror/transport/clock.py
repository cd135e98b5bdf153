"""Clock: time and waiting, injected, so that tests own both; and the wish to stop, seen by every wait."""

from __future__ import annotations

import threading
import time

from mirror.errors import Stopped


class Clock:
    """Monotonic time in seconds, and waits that end at once when the program is told to stop."""

    def __init__(self) -> None:
        """Start with no wish to stop."""
        self._stop = threading.Event()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Wait; raises Stopped when the program stops meanwhile."""
        if self._stop.wait(seconds):
            raise Stopped("stopped before the work was done")

    def check(self) -> None:
        """Raise Stopped when the program is to stop."""
        if self._stop.is_set():
            raise Stopped("stopped before the work was done")

    def stop(self) -> None:
        """End every wait and every transfer of this clock."""
        self._stop.set()
