"""Expiries: when credentials end, asked beside the work, now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from mirror.errors import MirrorError
from mirror.service.job import Side

# Ends are dates; a new token is told within this time.
_EVERY = 6 * 3600.0


@dataclass
class Expiries:
    """The end of each registry's credential, where it is known. `clock` is monotonic."""

    clock: Callable[[], float]
    _ends: dict[str, float | None] = field(default_factory=dict)
    _asked_at: dict[str, float] = field(default_factory=dict)
    _thread: threading.Thread | None = None

    def of(self, host: str) -> float | None:
        """Epoch seconds; None when it never ends, or nobody tells."""
        return self._ends.get(host)

    def forget(self, host: str) -> None:
        """The credential has changed: ask again."""
        self._asked_at.pop(host, None)

    def look(self, sides: Iterable[Side]) -> None:
        """Ask for those that are due, in a thread: nobody waits for a date."""
        if self._thread is not None and self._thread.is_alive():
            return
        now = self.clock()
        due = [side for side in sides if now - self._asked_at.get(side.host, -_EVERY) >= _EVERY]
        if not due:
            return
        self._asked_at |= {side.host: now for side in due}
        self._thread = threading.Thread(target=self._ask, args=(due,), name="expiry", daemon=True)
        self._thread.start()

    def _ask(self, due: list[Side]) -> None:
        for side in due:
            with suppress(MirrorError, ValueError, KeyError):
                self._ends[side.host] = side.ends()
