"""Verify: does the target answer with these digests, and is everything there that they point to?"""

from collections.abc import Iterable
from typing import NamedTuple

from mirror.errors import MirrorError, NotFound
from mirror.oci.content import Target
from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest
from mirror.sync.workers import Workers, spread


class Verdict(NamedTuple):
    """One tag of the target. `problem` is None when it is whole; `contents` counts manifests and blobs."""

    tag: str
    digest: Digest
    contents: int = 0
    problem: str | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return self.problem is None


def verify(target: Target, wanted: Iterable[tuple[str, Digest]], workers: Workers) -> list[Verdict]:
    """Look at each tag, its children, configs and layers. A blob is asked for, not read: the registry hashed it."""
    return spread(workers.lookups, lambda one: _verdict(target, *one), wanted)


def _verdict(target: Target, tag: str, digest: Digest) -> Verdict:
    try:
        root = target.manifest(tag)
        if root.digest != digest:
            return Verdict(tag, digest, problem=f"names {root.digest}")
        return Verdict(tag, digest, contents=_contents(target, root))
    except NotFound:
        return Verdict(tag, digest, problem="is not there")
    except MirrorError as error:
        return Verdict(tag, digest, problem=str(error))


def _contents(target: Target, root: Manifest) -> int:
    """How many manifests and blobs there are; raises when one is missing."""
    waiting, seen = [root], set[Digest]()
    while waiting:
        manifest = waiting.pop()
        seen.add(manifest.digest)
        waiting += [target.manifest(child.digest) for child in manifest.manifests if child.digest not in seen]
        for blob in manifest.blobs:
            if blob.digest not in seen and blob.is_distributable:
                _require(target, blob)
                seen.add(blob.digest)
    return len(seen)


def _require(target: Target, blob: Descriptor) -> None:
    if not target.exists(blob):
        raise NotFound(f"lacks the blob {blob.digest}", status=404)
