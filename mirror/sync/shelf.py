"""Shelf: manifests that were read to learn what their tags name, kept until they are copied."""

from __future__ import annotations

import threading

from mirror.errors import ContentError
from mirror.oci.content import Source
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest

# For about four thousand images; beyond that, what was saved in requests would be paid in memory.
_ROOM = 8 * 1024 * 1024
# What Python needs to keep a small manifest, beside its bytes.
_ENTRY = 600


class Shelf:
    """Where a tag must be copied, one GET tells its digest and is the read that the copy needs. Thread-safe.

    `room` is in bytes. When it is used up, a digest is asked for by HEAD, and the manifest again when it is copied.
    """

    def __init__(self, room: int = _ROOM) -> None:
        """Empty."""
        self.room = room
        self._kept: dict[tuple[str, str], Manifest] = {}
        self._lock = threading.Lock()

    def digest(self, source: Source, tag: str) -> Digest:
        """What `tag` names. Raises NotFound and whatever else the source raises."""
        if self.room <= 0:
            return source.resolve(tag).digest
        try:
            manifest = source.manifest(tag)
        except ContentError:
            # It has a digest all the same, and its copy is where the trouble is told.
            return source.resolve(tag).digest
        with self._lock:
            key = (source.name, manifest.digest)
            if key not in self._kept:
                self.room -= len(manifest.raw) + _ENTRY
                # The parsed document is left behind: it takes several times the memory of the bytes.
                self._kept[key] = Manifest(manifest.media_type, manifest.raw, manifest.digest)
        return manifest.digest

    def take(self, source: Source, reference: str) -> Manifest | None:
        """The manifest, if it is kept; it is given out once."""
        with self._lock:
            manifest = self._kept.pop((source.name, reference), None)
            if manifest:
                self.room += len(manifest.raw) + _ENTRY
        return manifest
