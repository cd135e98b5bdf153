"""Content: the verbs by which images are read and written, whatever keeps them.

A registry's repository and the memory twin (`mirror.oci.memory`) both have them; the suite in
tests/conformance holds every implementation to the same behaviour.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from mirror.events import Outcome
from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest
from mirror.oci.tag import Tag


class Listing(NamedTuple):
    """The tags of one repository.

    `manifests` is every manifest that is there, untagged ones included, when the registry's list tells it.
    `exists` is False when the registry says that there is no such repository; `tells_referrers` is True when
    the tags' `referrers` are all that there are, so that nobody needs to ask for them.
    """

    tags: Mapping[str, Tag]
    manifests: frozenset[Digest] | None = None
    exists: bool = True
    tells_referrers: bool = False


class Reader(Protocol):
    """The bytes of a blob as they arrive."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill `buffer` from its start; 0 at the end. Raises TransportError when the source breaks."""


# Opens a blob at an offset (bytes). A transfer that breaks opens again, so this may be called many times.
Open = Callable[[int], AbstractContextManager[Reader]]


class Source(Protocol):
    """Where images are read from: one repository."""

    @property
    def name(self) -> str:
        """`host/path`, for messages."""

    def tags(self) -> Listing:
        """All tags; digests and times where the listing has them."""

    def resolve(self, reference: str) -> Descriptor:
        """What a tag or digest names. Raises NotFound."""

    def manifest(self, reference: str) -> Manifest:
        """The manifest of a tag or digest, its bytes checked against the digest."""

    def open(self, blob: Descriptor, offset: int = 0) -> AbstractContextManager[Reader]:
        """A blob's bytes from `offset` on; not checked, since only the whole can be."""

    @property
    def lists_no_referrers(self) -> bool:
        """Whether it is known already that `referrers` has nothing to say, so that nobody needs to ask."""

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """What refers to `subject` (signatures, SBOMs); empty where the registry keeps no such list."""


class Target(Protocol):
    """Where images are written to: one repository."""

    @property
    def name(self) -> str:
        """`host/path`, for messages."""

    @property
    def path(self) -> str:
        """The repository's path at its registry; its siblings are named by theirs."""

    def tags(self) -> Listing:
        """All tags, as for a source; a repository that is not there yet is an empty listing."""

    def resolve(self, reference: str) -> Descriptor:
        """What a tag or digest names. Raises NotFound."""

    def manifest(self, reference: str) -> Manifest:
        """The manifest of a tag or digest, its bytes checked against the digest."""

    def exists(self, content: Descriptor) -> bool:
        """Whether the manifest or blob is there, in this repository."""

    def push(self, blob: Descriptor, source: Open, siblings: Iterable[str] = ()) -> Outcome:
        """Bring a blob here: find it, mount it from one of the sibling repositories, or send it.

        `siblings` are repository paths of the same registry that are known to have the blob. Every byte sent
        is hashed; DigestMismatch or SizeMismatch when they are not the blob's, and nothing is kept.
        """

    def put(self, manifest: Manifest, tag: str | None = None) -> None:
        """Write a manifest, by its digest or under a tag. What it lists must be here already."""

    def keeps_referrers(self, subject: Digest) -> bool:
        """Whether the registry lists referrers by itself; if not, their fallback tag must be kept.

        `subject` is any manifest that is there; it serves to ask.
        """
