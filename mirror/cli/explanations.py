"""Explanations: cause and fix of a failure, told once however many images it meets."""

from __future__ import annotations

import threading

from mirror.events import Event, Failed


class Explanations:
    """What has been explained so far. Thread-safe."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def after(self, event: Event, line: str | None) -> str | None:
        """The line of an event, and below it what a known failure means when that is news."""
        if line is None or not isinstance(event, Failed):
            return line
        from mirror.registries.denials import explain_text

        known = explain_text(event.message, event.reference)
        if known is None:
            return line
        with self._lock:
            news = (known.key, known.fix) not in self._told
            self._told.add((known.key, known.fix))
        return "\n".join([line, *(f"        {one}" for one in str(known).splitlines())]) if news else line
