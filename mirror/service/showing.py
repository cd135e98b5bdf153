"""Showing: the standing as JSON, and the words and numbers that the status page shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from mirror.service.standing import Mirror, Registry, Standing, Trouble
from mirror.service.verdict import verdict
from mirror.state.records import PassRecord, TagRecord

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Query:
    """Which tags to show: words that all have to be in the name, where they stand, of which mirror."""

    words: str = ""
    progress: str = ""
    mirror: str = ""
    page: int = 1
    per_page: int = 100


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the tags that were found."""

    query: Query
    records: tuple[TagRecord, ...]
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.query.per_page))


def find(records: Iterable[TagRecord], query: Query) -> Page:
    """The tags that match; a word may be part of the repository, the tag or a digest."""
    words = query.words.lower().split()
    found = [record for record in records if _matches(record, query, words)]
    start = (max(query.page, 1) - 1) * query.per_page
    return Page(query, tuple(found[start : start + query.per_page]), len(found))


def as_json(standing: Standing) -> dict[str, Any]:
    """What /api/v1/status and `gcr-mirror status --json` answer; the shape is a contract."""
    judged = verdict(standing)
    return {
        "verdict": {"level": judged.level, "sentence": judged.sentence},
        "now": standing.now,
        "started": standing.started,
        "tags": {"total": standing.total, "in_sync": standing.in_sync},
        "registries": [_registry(found) for found in standing.registries],
        "mirrors": [_mirror(found) for found in standing.mirrors],
        "behind": [tag_json(record) for record in standing.behind],
        "to_be_deleted": [{"target": one.target, "at": one.at} for one in standing.doomed],
    }


def tag_json(record: TagRecord) -> dict[str, Any]:
    """One tag for programs."""
    return {
        "mirror": record.key.mirror,
        "repository": record.key.repository,
        "tag": record.key.tag,
        "target": f"{record.target}:{record.key.tag}" if record.target else None,
        "state": record.progress,
        "source_digest": record.source_digest,
        "target_digest": record.target_digest,
        "published": record.published,
        "first_seen": record.first_seen,
        "copied_at": record.copied_at,
        "attempts": record.attempts,
        "next_attempt": record.next_attempt,
        "reason": record.reason,
        "message": record.message,
    }


def duration(seconds: float) -> str:
    """`42 s`, `5 min`, `2 h 5 min`, `3 d 4 h`: the two largest units."""
    rest, parts = max(0, round(seconds)), []
    for name, size in _UNITS:
        if rest >= size:
            parts.append(f"{rest // size} {name}")
            rest %= size
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"


def size(count: float) -> str:
    """`812 B`, `1.4 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def short_digest(digest: str | None) -> str:
    """The first twelve digits, as Docker shows them; a dash for none."""
    return digest.partition(":")[2][:12] if digest else "-"


def _matches(record: TagRecord, query: Query, words: list[str]) -> bool:
    if query.mirror and record.key.mirror != query.mirror:
        return False
    if not record.counts:
        return False
    if query.progress == "behind":
        if record.progress == "in_sync":
            return False
    elif query.progress and record.progress != query.progress:
        return False
    text = f"{record.key.repository}:{record.key.tag} {record.source_digest} {record.target_digest}".lower()
    return all(word in text for word in words)


def _registry(registry: Registry) -> dict[str, Any]:
    return {
        "host": registry.host,
        "kind": registry.kind,
        "up": registry.up,
        "trouble": _trouble(registry.trouble),
        "credential_expiry": registry.credential_expiry,
    }


def _mirror(mirror: Mirror) -> dict[str, Any]:
    return {
        "name": mirror.name,
        "source": mirror.source,
        "target": mirror.target,
        "tags": dict(mirror.tags),
        "lag_seconds": mirror.lag,
        "frozen": _trouble(mirror.frozen),
        "running_since": mirror.running_since,
        "next_pass": mirror.next_pass,
        "last_success": mirror.last_success,
        "queue": mirror.queue,
        "in_flight": mirror.in_flight,
        "bytes_per_second": mirror.bytes_per_second,
        "passes": [_pass(record) for record in mirror.passes],
    }


def _pass(record: PassRecord) -> dict[str, Any]:
    shown = asdict(record)
    shown["bytes"] = shown.pop("size")
    return shown


def _trouble(trouble: Trouble | None) -> dict[str, Any] | None:
    return None if trouble is None else asdict(trouble)
