"""Repository: what one repository of an embedded registry has; the bytes of its blobs lie in the Storage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from mirror.errors import InvalidManifest
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest

if TYPE_CHECKING:
    from mirror.demo.storage import Storage


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest as it was pushed; `manifest` is None when it is nothing that this project can read.

    `size` is that of the manifest and of all that it lists, in bytes; 0 when that cannot be read.
    """

    raw: bytes
    media_type: str
    digest: Digest
    pushed: datetime
    manifest: Manifest | None
    size: int


@dataclass(frozen=True, slots=True)
class Tagged:
    """What a tag names, when it first appeared and when it last moved."""

    digest: Digest
    created: datetime
    updated: datetime | None = None

    @property
    def published(self) -> datetime:
        """When it came to name this digest."""
        return self.updated or self.created


class Repository:
    """One repository: which blobs it has, its manifests and its tags."""

    def __init__(self, name: str, storage: Storage) -> None:
        self.name = name
        self.created = storage.now()
        self._storage = storage
        self._blobs: set[Digest] = set()
        self._manifests: dict[Digest, Stored] = {}
        self._tags: dict[str, Tagged] = {}
        self._referrers: dict[Digest, dict[Digest, Manifest]] = {}

    @property
    def tags(self) -> Mapping[str, Tagged]:
        """All tags, a copy."""
        with self._storage.lock:
            return dict(self._tags)

    @property
    def manifests(self) -> Mapping[Digest, Stored]:
        """All manifests, a copy."""
        with self._storage.lock:
            return dict(self._manifests)

    @property
    def referred(self) -> Mapping[Digest, list[Manifest]]:
        """What refers to each manifest that something refers to, a copy."""
        with self._storage.lock:
            return {digest: list(found.values()) for digest, found in self._referrers.items()}

    @property
    def blobs(self) -> frozenset[Digest]:
        """All blobs that are linked here."""
        with self._storage.lock:
            return frozenset(self._blobs)

    def has(self, digest: Digest) -> bool:
        """Whether a blob is linked here."""
        with self._storage.lock:
            return digest in self._blobs

    def find(self, reference: str) -> Stored | None:
        """The manifest that a tag or digest names."""
        with self._storage.lock:
            tagged = self._tags.get(reference)
            return self._manifests.get(tagged.digest if tagged else Digest(reference))

    def put(self, raw: bytes, media_type: str, *tags: str, digest: Digest | None = None) -> Stored:
        """Keep a manifest, whatever it lists, and point the tags at it."""
        stored = _stored(raw, media_type, digest or Digest.of(raw), self._storage.now())
        with self._storage.lock:
            stored = self._manifests.setdefault(stored.digest, stored)
            if stored.manifest and stored.manifest.subject:
                self._referrers.setdefault(stored.manifest.subject, {})[stored.digest] = stored.manifest
            for tag in tags:
                self.tag(tag, stored.digest)
        return stored

    def tag(self, tag: str, digest: Digest) -> None:
        """Point a tag at a manifest; a tag that names it already is left as it is."""
        with self._storage.lock:
            before = self._tags.get(tag)
            if before is None:
                self._tags[tag] = Tagged(digest, self._storage.now())
            elif before.digest != digest:
                self._tags[tag] = Tagged(digest, before.created, self._storage.now())

    def date(self, tag: str, published: datetime) -> None:
        """Say when a tag was published."""
        with self._storage.lock:
            self._tags[tag] = replace(self._tags[tag], created=published, updated=None)

    def untag(self, tag: str) -> bool:
        """Remove a tag; whether it was there."""
        with self._storage.lock:
            return self._tags.pop(tag, None) is not None

    def remove(self, digest: Digest) -> bool:
        """Remove a manifest and its tags; whether it was there."""
        with self._storage.lock:
            self._tags = {name: tagged for name, tagged in self._tags.items() if tagged.digest != digest}
            for found in self._referrers.values():
                found.pop(digest, None)
            return self._manifests.pop(digest, None) is not None

    def link(self, digest: Digest) -> bool:
        """Have a blob that the storage has; whether it has it."""
        with self._storage.lock:
            if self._storage.size(digest) is None:
                return False
            self._blobs.add(digest)
            return True

    def unlink(self, digest: Digest) -> bool:
        """Have a blob no longer; whether it was there."""
        with self._storage.lock:
            there = digest in self._blobs
            self._blobs.discard(digest)
            return there

    def add(self, data: bytes | Iterable[bytes], digest: Digest | None = None) -> Digest:
        """Keep a blob."""
        kept = self._storage.keep([data] if isinstance(data, bytes) else data, digest)
        self.link(kept)
        return kept

    def tagged(self, digest: Digest) -> list[str]:
        """The tags that name a manifest."""
        with self._storage.lock:
            return sorted(name for name, tagged in self._tags.items() if tagged.digest == digest)

    def parents(self, digest: Digest) -> list[Digest]:
        """The indexes that list a manifest."""
        return [
            stored.digest
            for stored in self.manifests.values()
            if stored.manifest and any(child.digest == digest for child in stored.manifest.manifests)
        ]

    def referrers(self, digest: Digest) -> list[Manifest]:
        """The manifests whose `subject` is this one."""
        with self._storage.lock:
            return list(self._referrers.get(digest, {}).values())

    def missing(self, manifest: Manifest) -> list[Digest]:
        """What a manifest lists and the repository lacks."""
        with self._storage.lock:
            lacking = [one.digest for one in manifest.manifests if one.digest not in self._manifests]
            wanted = (one for one in manifest.blobs if not _is_foreign(one.media_type))
            return lacking + [one.digest for one in wanted if one.digest not in self._blobs]


def _stored(raw: bytes, media_type: str, digest: Digest, now: datetime) -> Stored:
    try:
        manifest = Manifest.parse(raw, media_type, digest)
    except InvalidManifest:
        manifest = None
    size = len(raw) + sum(child.size for child in manifest.children) if manifest else 0
    return Stored(raw, media_type, digest, now, manifest, size)


def _is_foreign(media_type: str) -> bool:
    return "nondistributable" in media_type or "rootfs.foreign" in media_type
