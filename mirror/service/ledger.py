"""Ledger: every tag's record at hand, brought up to date by events, and written to the state now and then.

The state is memory and may fail (a full disk, a server that is away): the ledger says so, keeps what it could not
write, and the work goes on.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from mirror.errors import StateError
from mirror.events import Copied, Event, Failed, Kept, Unchanged
from mirror.oci.digest import Digest
from mirror.oci.tag import Tag
from mirror.state import attempts
from mirror.state.attempts import Failure, Patience
from mirror.state.records import Condition, Key, PassRecord, Scope, State, TagRecord
from mirror.sync.prune import Orphan
from mirror.sync.survey import Survey

# A tag that is gone from the source for so long, and that we may not delete, is no longer worth a record.
_FORGOTTEN_AFTER = 90 * 86400.0
_PASSES_KEPT = 100


@dataclass
class Ledger:
    """The records of all mirrors. Thread-safe. `now` is in epoch seconds, `jitter` in 0 to 1.

    `detached` says why the configured state could not be opened, while another one stands in for it.
    """

    state: State
    now: Callable[[], float]
    jitter: Callable[[], float]
    patience: Patience = field(default_factory=Patience)
    detached: str = ""
    _error: str = ""
    _records: dict[str, dict[Key, TagRecord]] = field(default_factory=dict)
    _dirty: dict[Key, TagRecord] = field(default_factory=dict)
    _gone: set[Key] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def trouble(self) -> str:
        """Why the state cannot be read or written now; empty when it can."""
        return self.detached or self._error

    def adopt(self, state: State) -> None:
        """Write to this state from now on, and all that is known to begin with."""
        self.state.close()
        with self._lock:
            self.state, self.detached = state, ""
            self._dirty = {record.key: record for record in self.records()}
        self.flush()

    def attempts(self, mirror: str, repository: str, tag: str) -> int:
        """How often a tag has failed since it last succeeded."""
        with self._lock:
            record = self._records.get(mirror, {}).get(Key(mirror, repository, tag))
        return record.attempts if record else 0

    def load(self, mirror: str) -> None:
        """Read a mirror's records. Ones that are not written yet win."""
        self.flush()
        with self._guarded():
            found = self.state.tags(mirror)
            with self._lock:
                unwritten = {key: record for key, record in self._dirty.items() if key.mirror == mirror}
                self._records[mirror] = {record.key: record for record in found} | unwritten

    def refresh(self, mirror: str) -> None:
        """Read the records anew if `gcr-mirror retry` may have changed them: it changes those that failed."""
        if mirror not in self._records or any(record.reason for record in self.records(mirror)):
            self.load(mirror)

    def records(self, mirror: str | None = None) -> list[TagRecord]:
        """The records (of one mirror), by key."""
        with self._lock:
            books = self._records.values() if mirror is None else [self._records.get(mirror, {})]
            found = [record for book in books for record in book.values()]
        return sorted(found, key=lambda record: record.key)

    def observe(self, event: Event) -> None:
        """Bring the records of the tags that it speaks of up to date."""
        if isinstance(event, Unchanged):
            with self._lock:
                for tag, digest in event.digests.items():
                    was = self._record(Key(event.mirror, event.repository, tag))
                    self._set(was, attempts.in_step(was, digest))
        elif isinstance(event, Copied | Kept) or (isinstance(event, Failed) and event.tag):
            with self._lock:
                was = self._record(Key(event.mirror, event.repository, event.tag))
                self._set(was, self._after(was, event))

    def _record(self, key: Key) -> TagRecord:
        return self._records.get(key.mirror, {}).get(key) or TagRecord(key, first_seen=self.now())

    def _after(self, record: TagRecord, event: Copied | Kept | Failed) -> TagRecord:
        match event:
            case Copied():
                return attempts.copied(record, event.digest, event.size, self.now())
            case Kept():
                return replace(attempts.settled(record), kept=True)
            case Failed():
                failure = Failure(self.now(), event.reason, event.message, event.temporary)
                return attempts.failed(record, failure, self.patience, self.jitter())

    def known(self, mirror: str) -> dict[str, set[str]]:
        """The tags that each repository was last seen with."""
        found: dict[str, set[str]] = {}
        for record in self.records(mirror):
            if record.absent_since is None:
                found.setdefault(record.key.repository, set()).add(record.key.tag)
        return found

    def take(self, mirror: str, surveys: Iterable[Survey], vanished: Iterable[str]) -> None:
        """Note what believed listings say; `vanished` are repositories that the source no longer shows."""
        now = self.now()
        with self._lock:
            known = self._by_repository(mirror)
            for survey in surveys:
                for tag in survey.wanted:
                    self._take(mirror, survey, tag, now)
                for tag in survey.unanswered:
                    self._take_unanswered(mirror, survey, tag, now)
                self._take_others(survey, known.get(survey.path, ()), now)
            for path in vanished:
                for record in known.get(path, ()):
                    self._set(record, _absent(record, now))

    def _by_repository(self, mirror: str) -> dict[str, list[TagRecord]]:
        found: dict[str, list[TagRecord]] = {}
        for record in self._records.get(mirror, {}).values():
            found.setdefault(record.key.repository, []).append(record)
        return found

    def _take(self, mirror: str, survey: Survey, tag: Tag, now: float) -> None:
        was = self._record(Key(mirror, survey.path, tag.name))
        there = survey.there.tags.get(tag.name)
        self._set(was, _found(_wanted(was, survey, tag, now), there.digest if there else None))

    def _take_unanswered(self, mirror: str, survey: Survey, tag: Tag, now: float) -> None:
        """What was known stays, but for a tag that the target lacks or, by itself, does not answer for."""
        was = self._record(Key(mirror, survey.path, tag.name))
        taken, there = _wanted(was, survey, tag, now), survey.there.tags.get(tag.name)
        if there and there.digest:
            taken = _found(taken, there.digest)
        elif not there and was.reason:
            taken = _found(taken, None)
        self._set(was, taken)

    def _take_others(self, survey: Survey, known: Iterable[TagRecord], now: float) -> None:
        """Those that the rules do not select, and those that the source no longer lists."""
        wanted = {tag.name for tag in (*survey.wanted, *survey.unanswered)}
        for record in known:
            if record.key.tag not in wanted:
                listed = record.key.tag in survey.listed.tags
                unselected = replace(record, wanted=False, absent_since=None)
                self._set(record, unselected if listed else _absent(record, now))

    def held(self, mirror: str, repository: str, tags: Iterable[str]) -> dict[str, Digest]:
        """What the target was last seen to hold under these tags, without those that have failed since."""
        with self._lock:
            book = self._records.get(mirror, {})
            found = {tag: book.get(Key(mirror, repository, tag)) for tag in tags}
        return {
            tag: Digest(record.target_digest)
            for tag, record in found.items()
            if record and record.target_digest and not record.reason
        }

    def is_due(self, mirror: str, repository: str, tag: str, digest: str | None) -> bool:
        """Whether a tag that is out of step may be tried now."""
        with self._lock:
            record = self._records.get(mirror, {}).get(Key(mirror, repository, tag))
        return attempts.is_due(record, digest, self.now(), self.patience)

    def due_again(self, mirror: str) -> dict[str, float]:
        """When (epoch seconds) each repository has a failed tag that is to be tried again."""
        found: dict[str, float] = {}
        for record in self.records(mirror):
            if record.next_attempt is not None and record.counts and not record.dead:
                path = record.key.repository
                found[path] = min(record.next_attempt, found.get(path, record.next_attempt))
        return found

    def orphans(self, mirror: str) -> list[Orphan]:
        """The tags that the source no longer has."""
        return [
            Orphan(record.key.repository, record.key.tag, record.ours, record.absent_since)
            for record in self.records(mirror)
            if record.absent_since is not None
        ]

    def forget(self, keys: Iterable[Key]) -> None:
        """Drop records."""
        with self._lock:
            for key in keys:
                self._records.get(key.mirror, {}).pop(key, None)
                self._dirty.pop(key, None)
                self._gone.add(key)

    def forget_long_gone(self, mirror: str) -> None:
        """Drop what the source has lacked for months, so that nothing grows for ever."""
        edge = self.now() - _FORGOTTEN_AFTER
        records = self.records(mirror)
        self.forget(one.key for one in records if one.absent_since is not None and one.absent_since < edge)

    def flush(self) -> None:
        """Write what has changed. What cannot be written is kept, and `trouble` says why."""
        with self._lock:
            records, gone = dict(self._dirty), set(self._gone)
        if not records and not gone:
            return
        with self._guarded():
            self.state.save(records.values())
            self.state.forget(gone)
        if self._error:
            return
        with self._lock:
            for key, record in records.items():
                if self._dirty.get(key) is record:
                    del self._dirty[key]
            self._gone -= gone

    def log_pass(self, record: PassRecord) -> None:
        """Remember a pass."""
        with self._guarded():
            self.state.log_pass(record)
            self.state.trim_passes(_PASSES_KEPT)

    def passes(self, mirror: str, limit: int = 10) -> list[PassRecord]:
        """The latest passes of a mirror, newest first."""
        try:
            return self.state.passes(mirror, limit)
        except StateError as error:
            self._error = str(error)
            return []

    def conditions(self) -> list[Condition]:
        """What was not well when the state was last written."""
        found: list[Condition] = []
        with self._guarded():
            found += self.state.conditions()
        return found

    def set_condition(self, condition: Condition) -> None:
        """Remember that something is not well."""
        with self._guarded():
            self.state.set_condition(condition)

    def clear_condition(self, scope: Scope, name: str) -> None:
        """Remember that it is well again."""
        with self._guarded():
            self.state.clear_condition(scope, name)

    def _set(self, was: TagRecord, record: TagRecord) -> None:
        book = self._records.setdefault(record.key.mirror, {})
        if record != was or record.key not in book:
            kept = _shared(record)
            # Out first: a dictionary would go on with the key that it has, which is another copy.
            book.pop(kept.key, None)
            book[kept.key] = self._dirty[kept.key] = kept
            self._gone.discard(kept.key)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except StateError as error:
            self._error = str(error)
        else:
            self._error = ""


def _wanted(record: TagRecord, survey: Survey, tag: Tag, now: float) -> TagRecord:
    published = tag.published.timestamp() if tag.published else None
    return attempts.wanted(record, tag.digest, published, survey.target.name, now)


def _found(record: TagRecord, digest: Digest | None) -> TagRecord:
    """The record of a tag that the target was found to hold, or (None) not to hold."""
    return attempts.changed(record, target_digest=digest, kept=record.kept and digest is not None)


def _absent(record: TagRecord, now: float) -> TagRecord:
    return replace(record, absent_since=now) if record.absent_since is None else record


def _shared(record: TagRecord) -> TagRecord:
    """The record as it is kept: tens of thousands of them are at hand, each for long.

    Repeated texts are there once. The others are copies: the one that came with a listing would keep alive the block
    of memory that the whole listing was in.
    """
    mirror, repository, tag = record.key
    source = _copy(record.source_digest) if record.source_digest else None
    return replace(
        record,
        key=Key(sys.intern(mirror), sys.intern(repository), _copy(tag)),
        target=sys.intern(record.target),
        source_digest=source,
        target_digest=source if source == record.target_digest else record.target_digest,
        ours=source if source == record.ours else record.ours,
    )


def _copy(text: str) -> str:
    return text.encode().decode()
