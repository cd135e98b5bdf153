"""Storage: what one embedded registry keeps. Blobs lie on disk, all else in memory."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
import uuid
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from mirror.errors import InvalidManifest
from mirror.oci.digest import Digest, Hasher
from mirror.oci.manifest import Manifest

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest as it was pushed; `manifest` is None when it is nothing that this project can read."""

    raw: bytes
    media_type: str
    digest: Digest
    pushed: datetime
    manifest: Manifest | None


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


class Upload:
    """One upload session: the bytes so far.

    `writes` counts the requests that brought some, `answers` the Locations that were given out.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.id = uuid.uuid4().hex
        self.name = name
        self.path = path / self.id
        self.size = 0
        self.writes = 0
        self.answers = 0
        self._file = self.path.open("wb")
        self._sha256 = hashlib.sha256()

    def write(self, chunks: Iterable[bytes]) -> None:
        """Append."""
        self.writes += 1
        for chunk in chunks:
            self._file.write(chunk)
            self._sha256.update(chunk)
            self.size += len(chunk)

    def digest(self, algorithm: str) -> Digest:
        """The digest of all bytes; ends the session's writing."""
        self._file.close()
        if algorithm == "sha256":
            return Digest(f"sha256:{self._sha256.hexdigest()}")
        hasher: Hasher = Digest.of(b"", algorithm).hasher()
        with self.path.open("rb") as file:
            while data := file.read(1024 * 1024):
                hasher.update(data)
        return Digest(f"{algorithm}:{hasher.hexdigest()}")

    def drop(self) -> None:
        """Forget the bytes."""
        self._file.close()
        self.path.unlink(missing_ok=True)


class Repository:
    """One repository: which blobs it has, its manifests and its tags."""

    def __init__(self, name: str, storage: Storage) -> None:
        self.name = name
        self.created = storage.now()
        self._storage = storage
        self._blobs: set[Digest] = set()
        self._manifests: dict[Digest, Stored] = {}
        self._tags: dict[str, Tagged] = {}

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
        read = (stored.manifest for stored in self.manifests.values())
        return [manifest for manifest in read if manifest and manifest.subject == digest]

    def missing(self, manifest: Manifest) -> list[Digest]:
        """What a manifest lists and the repository lacks."""
        with self._storage.lock:
            lacking = [one.digest for one in manifest.manifests if one.digest not in self._manifests]
            wanted = (one for one in manifest.blobs if not _is_foreign(one.media_type))
            return lacking + [one.digest for one in wanted if one.digest not in self._blobs]


@dataclass(slots=True)
class _Content:
    sizes: dict[Digest, int] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)


class Storage:
    """Everything of one registry. Without a directory it makes one, and removes it in the end."""

    def __init__(self, directory: Path | None = None, clock: Clock | None = None) -> None:
        if directory is None:
            directory = Path(tempfile.mkdtemp(prefix="registry-"))
            weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
        self.directory = directory
        self.lock = threading.RLock()
        self.now = clock or (lambda: datetime.now(UTC))
        self._content = _Content()
        (directory / "uploads").mkdir(parents=True, exist_ok=True)

    def repository(self, name: str) -> Repository:
        """The repository of that name, made when it is not there."""
        with self.lock:
            return self._content.repositories.setdefault(name, Repository(name, self))

    def find(self, name: str) -> Repository | None:
        """The repository of that name."""
        with self.lock:
            return self._content.repositories.get(name)

    def drop(self, name: str) -> None:
        """Remove a repository; its blobs stay in the storage, as until a garbage collection."""
        with self.lock:
            self._content.repositories.pop(name, None)

    @property
    def repositories(self) -> list[str]:
        """All names, sorted."""
        with self.lock:
            return sorted(self._content.repositories)

    def path(self, digest: Digest) -> Path:
        """Where the bytes of a blob lie."""
        return self.directory / "blobs" / digest.algorithm / digest.hex

    def size(self, digest: Digest) -> int | None:
        """How long a blob is, None when there is none."""
        with self.lock:
            return self._content.sizes.get(digest)

    def keep(self, chunks: Iterable[bytes], digest: Digest | None = None) -> Digest:
        """Keep a blob; `digest` decides the algorithm (and lets a test keep bytes under a wrong name)."""
        upload = Upload("", self.directory / "uploads")
        upload.write(chunks)
        found = upload.digest(digest.algorithm if digest else "sha256")
        self._settle(upload, digest or found)
        return digest or found

    def begin(self, name: str) -> Upload:
        """Open an upload session for a repository."""
        upload = Upload(name, self.directory / "uploads")
        with self.lock:
            self._content.uploads[upload.id] = upload
        return upload

    def upload(self, identity: str) -> Upload | None:
        """An open upload session."""
        with self.lock:
            return self._content.uploads.get(identity)

    def commit(self, upload: Upload, digest: Digest) -> bool:
        """End a session: keep its bytes when they have this digest, drop them otherwise."""
        self.cancel(upload, keep=True)
        if upload.digest(digest.algorithm) != digest:
            upload.drop()
            return False
        self._settle(upload, digest)
        self.repository(upload.name).link(digest)
        return True

    def cancel(self, upload: Upload, *, keep: bool = False) -> None:
        """End a session without keeping anything."""
        with self.lock:
            self._content.uploads.pop(upload.id, None)
        if not keep:
            upload.drop()

    @property
    def open_uploads(self) -> int:
        """Sessions that were begun and neither committed nor cancelled."""
        with self.lock:
            return len(self._content.uploads)

    def close(self) -> None:
        """Close the files of uploads that nobody ended."""
        with self.lock:
            for upload in self._content.uploads.values():
                upload.drop()
            self._content.uploads.clear()

    def _settle(self, upload: Upload, digest: Digest) -> None:
        path = self.path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.lock:
            upload.path.replace(path)
            self._content.sizes[digest] = upload.size


def _stored(raw: bytes, media_type: str, digest: Digest, now: datetime) -> Stored:
    try:
        manifest = Manifest.parse(raw, media_type, digest)
    except InvalidManifest:
        manifest = None
    return Stored(raw, media_type, digest, now, manifest)


def _is_foreign(media_type: str) -> bool:
    return "nondistributable" in media_type or "rootfs.foreign" in media_type
