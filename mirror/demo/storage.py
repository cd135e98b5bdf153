"""Storage: what one embedded registry keeps. Blobs lie on disk, all else in memory."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
import uuid
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mirror.demo.repository import Repository
from mirror.oci.digest import Digest, Hasher

Clock = Callable[[], datetime]


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


@dataclass(slots=True)
class _Content:
    sizes: dict[Digest, int] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)


class Storage:
    """Everything of one registry. Without a directory it makes one, and removes it in the end."""

    def __init__(self, directory: Path | None = None, clock: Clock | None = None) -> None:
        self._remove: Callable[[], object] = lambda: None
        if directory is None:
            directory = Path(tempfile.mkdtemp(prefix="registry-"))
            self._remove = weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
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
        """Close the files of uploads that nobody ended, and remove a directory of its own making."""
        with self.lock:
            for upload in self._content.uploads.values():
                upload.drop()
            self._content.uploads.clear()
        self._remove()

    def _settle(self, upload: Upload, digest: Digest) -> None:
        path = self.path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.lock:
            upload.path.replace(path)
            self._content.sizes[digest] = upload.size
