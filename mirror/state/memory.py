"""Memory: the state that a process forgets; for one pass by hand, and for tests."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from mirror.state.records import Condition, Key, PassRecord, Scope, TagRecord


class Memory:
    """A State in dictionaries. Thread-safe."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = threading.Lock()
        self._tags: dict[Key, TagRecord] = {}
        self._passes: dict[tuple[str, float], PassRecord] = {}
        self._conditions: dict[tuple[Scope, str], Condition] = {}

    def tags(self, mirror: str | None = None) -> list[TagRecord]:
        """Every record (of one mirror), ordered by key."""
        with self._lock:
            return [self._tags[key] for key in sorted(self._tags) if mirror in (None, key.mirror)]

    def save(self, records: Iterable[TagRecord]) -> None:
        """Write the records, replacing those of the same key."""
        with self._lock:
            self._tags.update({record.key: record for record in records})

    def forget(self, keys: Iterable[Key]) -> None:
        """Remove records."""
        with self._lock:
            for key in keys:
                self._tags.pop(key, None)

    def log_pass(self, record: PassRecord) -> None:
        """Write a pass, replacing the one of this mirror that started at the same time."""
        with self._lock:
            self._passes[record.mirror, record.started] = record

    def passes(self, mirror: str | None = None, limit: int = 20) -> list[PassRecord]:
        """The latest passes (of one mirror), newest first."""
        with self._lock:
            found = [record for record in self._passes.values() if mirror in (None, record.mirror)]
        return sorted(found, key=lambda record: (-record.started, record.mirror))[:limit]

    def trim_passes(self, keep: int) -> None:
        """Keep the latest `keep` passes of each mirror."""
        for mirror in {name for name, _ in self._passes}:
            for old in self.passes(mirror, len(self._passes))[keep:]:
                with self._lock:
                    del self._passes[mirror, old.started]

    def conditions(self) -> list[Condition]:
        """What is not well now, ordered by scope and name."""
        with self._lock:
            return [self._conditions[key] for key in sorted(self._conditions)]

    def set_condition(self, condition: Condition) -> None:
        """Something is not well."""
        with self._lock:
            self._conditions[condition.scope, condition.name] = condition

    def clear_condition(self, scope: Scope, name: str) -> None:
        """It is well again."""
        with self._lock:
            self._conditions.pop((scope, name), None)

    def close(self) -> None:
        """Nothing to give back."""
