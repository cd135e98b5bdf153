"""Attempts: when a tag that failed is tried again, and when it is given up. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from mirror.state.records import TagRecord

# These say something of the registry or of us, nothing of the image: they do not count against it.
NOT_THE_IMAGES_FAULT = frozenset({"circuit_open", "unauthorized", "stopped"})


@dataclass(frozen=True, slots=True)
class Patience:
    """The delay doubles from `first` up to `longest` (seconds); `refusals` permanent errors make it dead."""

    first: float = 60.0
    longest: float = 6 * 3600.0
    refusals: int = 5

    def delay(self, attempts: int, jitter: float) -> float:
        """Seconds until the next try; `jitter` (0 to 1) takes away up to a fifth."""
        doubled = self.first * 2.0 ** min(attempts - 1, 32)
        return min(self.longest, doubled) * (1 - jitter / 5)


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try at the time `at`."""

    at: float
    reason: str
    message: str
    temporary: bool


def wanted(
    record: TagRecord, digest: str | None, published: float | None, target: str, now: float
) -> TagRecord:
    """The record of a tag that the source lists; a new digest starts afresh."""
    record = changed(record, target=target, absent_since=None, wanted=True)
    if digest is None or digest == record.source_digest:
        return record
    return replace(settled(record), source_digest=digest, published=published, first_seen=now, kept=False)


def failed(record: TagRecord, failure: Failure, patience: Patience, jitter: float) -> TagRecord:
    """The record after a failure; it does not change when the image is not to blame."""
    if failure.reason in NOT_THE_IMAGES_FAULT:
        return record
    attempts = record.attempts + 1
    refusals = 0 if failure.temporary else record.refusals + 1
    return replace(
        record,
        reason=failure.reason,
        message=failure.message,
        attempts=attempts,
        refusals=refusals,
        next_attempt=failure.at + patience.delay(attempts, jitter),
        dead=refusals >= patience.refusals,
    )


def settled(record: TagRecord) -> TagRecord:
    """The record without any memory of failures."""
    return changed(record, attempts=0, refusals=0, next_attempt=None, reason=None, message=None, dead=False)


def in_step(record: TagRecord, digest: str) -> TagRecord:
    """The record of a tag that the target holds as the source has it, by this digest of the source."""
    if record.kept and record.source_digest == digest:
        return settled(record)
    return changed(settled(record), source_digest=digest, target_digest=digest, kept=False)


def copied(record: TagRecord, digest: str, size: int, now: float) -> TagRecord:
    """The record of a tag that was just written to the target by this program.

    The digest differs from the source's where the rule makes it so: with a platform filter.
    """
    done = replace(settled(record), target_digest=digest, ours=digest, size=size, copied_at=now)
    return replace(
        done, kept=digest != (record.source_digest or digest), source_digest=record.source_digest or digest
    )


def kept(record: TagRecord, digest: str) -> TagRecord:
    """The record of a tag that stays at `digest` in the target, because its rule says so."""
    return replace(settled(record), target_digest=digest, kept=True)


def is_due(record: TagRecord | None, digest: str | None, now: float, patience: Patience) -> bool:
    """Whether a tag may be tried now. A digest that was never tried always may.

    A next attempt further away than any delay was written by a clock that has since jumped back: it is due.
    """
    if record is None or (digest is not None and digest != record.source_digest):
        return True
    if record.dead:
        return False
    if record.next_attempt is None:
        return True
    return not now < record.next_attempt <= now + patience.longest


def changed(record: TagRecord, **fields: Any) -> TagRecord:
    """The record with these fields; itself where it has them, as nearly all have in nearly every pass."""
    if all(getattr(record, name) == value for name, value in fields.items()):
        return record
    return replace(record, **fields)


def lag(records: Iterable[TagRecord], now: float) -> float:
    """Seconds since the oldest digest was published that the target lacks; 0 when it lacks none."""
    waiting = [record.waiting_since for record in records]
    return max((now - since for since in waiting if since is not None and since < now), default=0.0)
