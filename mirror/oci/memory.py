"""Memory: a repository that lives in this process, the twin of `mirror.oci.repository`, for tests and dry runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import cast

from mirror.errors import DigestMismatch, NotFound, RegistryError, SizeMismatch
from mirror.events import Outcome
from mirror.oci.content import Listing, Open, Reader
from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest
from mirror.oci.tag import Tag


@dataclass
class MemoryRegistry:
    """Repositories by path. `lists_digests` is what Google and GitLab can and the specification does not ask for."""

    host: str = "memory"
    lists_digests: bool = True
    lists_referrers: bool = True
    blobs: dict[str, dict[Digest, bytes]] = field(default_factory=lambda: defaultdict(dict))
    manifests: dict[str, dict[Digest, Manifest]] = field(default_factory=lambda: defaultdict(dict))
    tagged: dict[str, dict[str, Tag]] = field(default_factory=lambda: defaultdict(dict))

    def repository(self, path: str) -> MemoryRepository:
        """The repository at `path`; it exists once something is in it."""
        return MemoryRepository(self, path)


@dataclass(frozen=True)
class MemoryRepository:
    """A Source and a Target."""

    registry: MemoryRegistry
    path: str

    @property
    def name(self) -> str:
        """`host/path`."""
        return f"{self.registry.host}/{self.path}"

    def tags(self) -> Listing:
        """All tags, with what the registry is able to tell of them."""
        tags = self.registry.tagged[self.path]
        exists = bool(tags or self._manifests)
        if not self.registry.lists_digests:
            return Listing({name: Tag(name) for name in tags}, exists=exists)
        return Listing(dict(tags), frozenset(self._manifests), exists=exists)

    def resolve(self, reference: str) -> Descriptor:
        """What a tag or digest names."""
        return self.manifest(reference).descriptor

    def manifest(self, reference: str) -> Manifest:
        """The manifest of a tag or digest."""
        tag = self.registry.tagged[self.path].get(reference)
        digest = tag.digest if tag and tag.digest else Digest(reference)
        if digest not in self._manifests:
            raise NotFound(f"{self.name}: there is no {reference}", status=404, codes=("MANIFEST_UNKNOWN",))
        return self._manifests[digest]

    @contextmanager
    def open(self, blob: Descriptor, offset: int = 0) -> Iterator[Reader]:
        """A blob's bytes from `offset` on."""
        if blob.digest not in self._blobs:
            raise NotFound(f"{self.name}: there is no {blob.digest}", status=404, codes=("BLOB_UNKNOWN",))
        yield cast("Reader", BytesIO(self._blobs[blob.digest][offset:]))

    @property
    def lists_no_referrers(self) -> bool:
        """As the registry."""
        return not self.registry.lists_referrers

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """What refers to `subject`."""
        if not self.registry.lists_referrers:
            return ()
        return tuple(one.descriptor for one in self._manifests.values() if one.subject == subject)

    def keeps_referrers(self, subject: Digest) -> bool:
        """As the registry was told."""
        del subject
        return self.registry.lists_referrers

    def exists(self, content: Descriptor) -> bool:
        """Whether the manifest or blob is here."""
        return content.digest in (self._manifests if content.is_manifest else self._blobs)

    def push(self, blob: Descriptor, source: Open, siblings: Iterable[str] = ()) -> Outcome:
        """Find, mount or take in a blob; wrong bytes are refused."""
        if self.exists(blob):
            return "present"
        for sibling in siblings:
            if blob.digest in self.registry.blobs[sibling]:
                self._blobs[blob.digest] = self.registry.blobs[sibling][blob.digest]
                return "mounted"
        self._blobs[blob.digest] = _checked(blob, source)
        return "copied"

    def put(self, manifest: Manifest, tag: str | None = None) -> None:
        """Take in a manifest, whose children must be here."""
        missing = [child for child in manifest.children if child.is_distributable and not self.exists(child)]
        if missing:
            raise RegistryError(
                f"{self.name}: {missing[0].digest} is not here", status=400, codes=("MANIFEST_BLOB_UNKNOWN",)
            )
        self._manifests[manifest.digest] = manifest
        if tag is not None and ":" not in tag:
            self.registry.tagged[self.path][tag] = Tag(
                tag, manifest.digest, datetime.now(UTC), manifest.media_type, len(manifest.raw)
            )

    @property
    def _blobs(self) -> dict[Digest, bytes]:
        return self.registry.blobs[self.path]

    @property
    def _manifests(self) -> dict[Digest, Manifest]:
        return self.registry.manifests[self.path]


def _checked(blob: Descriptor, source: Open) -> bytes:
    buffer = bytearray(blob.size + 1)
    with source(0) as reader:
        filled = 0
        while filled < len(buffer) and (count := reader.readinto(memoryview(buffer)[filled:])):
            filled += count
    found = bytes(buffer[:filled])
    if filled != blob.size:
        raise SizeMismatch(f"{blob.digest} has not the {blob.size:,} bytes it should have")
    if not blob.digest.matches(found):
        raise DigestMismatch(f"the bytes of {blob.digest} hash to {Digest.of(found)}")
    return found
