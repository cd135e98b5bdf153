"""Graph: an image with all that it points to, read from the source before anything is written."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from mirror.errors import InvalidManifest
from mirror.oci.content import Source
from mirror.oci.descriptor import Descriptor, Platform
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest
from mirror.sync.workers import Workers, spread

# Indexes within indexes are legal; a chain of this length is an attack.
_DEEPEST = 8


class Graph(NamedTuple):
    """`manifests` in the order in which they must be written: children before parents, the root last.

    `origin` is the root's digest at the source, which a platform filter does not keep.
    """

    manifests: tuple[Manifest, ...]
    origin: Digest

    @property
    def root(self) -> Manifest:
        """What the tag names."""
        return self.manifests[-1]

    def blobs(self, held: AbstractSet[Digest] = frozenset()) -> tuple[Descriptor, ...]:
        """Every config and layer, once; what may not be distributed is left out, and what `held` manifests list."""
        manifests = (manifest for manifest in self.manifests if manifest.digest not in held)
        found = (blob for manifest in manifests for blob in manifest.blobs if blob.is_distributable)
        return tuple({blob.digest: blob for blob in found}.values())

    @property
    def size(self) -> int:
        """Bytes of all manifests."""
        return sum(len(manifest.raw) for manifest in self.manifests)


def read(
    source: Source,
    root: str | Manifest,
    workers: Workers,
    *,
    platforms: tuple[Platform, ...] = (),
    known: Callable[[Descriptor], bool] = lambda _: False,
) -> Graph:
    """The graph of `root` (a digest, a tag, or what was read already).

    Children that are `known` to be at the target are left out.
    `platforms` other than () rewrites the root index. Raises what the source raises.
    """
    top = root if isinstance(root, Manifest) else source.manifest(root)
    origin = top.digest
    if platforms and top.is_index:
        top = top.for_platforms(platforms)
    found: dict[Digest, Manifest] = {}
    _descend(source, top, workers, known, found, _DEEPEST)
    return Graph(tuple(found.values()), origin)


def _descend(
    source: Source,
    manifest: Manifest,
    workers: Workers,
    known: Callable[[Descriptor], bool],
    found: dict[Digest, Manifest],
    deeper: int,
) -> None:
    if deeper == 0:
        raise InvalidManifest(f"{source.name}: indexes within indexes, more than {_DEEPEST} deep")

    def fetch(child: Descriptor) -> Manifest | None:
        return None if child.digest in found or known(child) else source.manifest(child.digest)

    for child in spread(workers.blobs, fetch, manifest.manifests) if manifest.manifests else ():
        if child is not None:
            _descend(source, child, workers, known, found, deeper - 1)
    found[manifest.digest] = manifest
