"""Google: `gcr.io` hosts and `pkg.dev`, both Artifact Registry; one request lists every manifest and its tags.

https://cloud.google.com/artifact-registry/docs/reference/docker-api
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.json import Decoder

from mirror.errors import NotFound, Unsupported
from mirror.oci import listing
from mirror.oci.authority import Scopes
from mirror.oci.content import Listing
from mirror.oci.digest import Digest
from mirror.oci.registry import Registry
from mirror.oci.repository import Lister
from mirror.oci.tag import Tag
from mirror.registries.decoding import decoded

# Google answers up to this many manifests at once, and says in a Link when there are more.
_PAGE = 10_000
# Parts of a path. The distribution specification has it no longer than 255 characters.
_DEEPEST = 64


def tags(registry: Registry, path: str, scopes: Scopes) -> Listing:
    """All tags with digest and upload time, and every untagged manifest.

    A tag that the map does not tell (Google's lists may be incomplete beyond 10,000) has no digest here.
    """
    found = _Found()
    try:
        for answer in listing.answers(registry, f"/v2/{path}/tags/list?n={_PAGE}", scopes):
            page = decoded(registry, _LIST, answer.body)
            with listing.understood(registry):
                found.take(page)
    except NotFound:
        return Listing({}, frozenset(), exists=False)
    return Listing(found.tags, frozenset(found.manifests) if found.told else None)


class _Manifest(Struct):
    """A manifest, as far as it is used: its time in milliseconds, its size in bytes, both as text."""

    tag: list[str] | None = None
    media_type: str | None = field(name="mediaType", default=None)
    uploaded: str | int | None = field(name="timeUploadedMs", default=None)
    size: str | int | None = field(name="imageSizeBytes", default=None)


class _Page(Struct):
    tags: list[str] | None = None
    manifest: dict[str, _Manifest] | UnsetType | None = UNSET


_LIST = Decoder(_Page)


class _Found:
    """What the pages say, taken out of each as it comes."""

    def __init__(self) -> None:
        self.tags: dict[str, Tag] = {}
        self.manifests: set[Digest] = set()
        self.told = True

    def take(self, page: _Page) -> None:
        self.told = self.told and page.manifest is not UNSET
        for text, manifest in (page.manifest or {}).items():
            digest = Digest.parse(text)
            self.manifests.add(digest)
            for name in manifest.tag or ():
                self.tags[name] = _tag(name, digest, manifest)
        for name in page.tags or ():
            if name not in self.tags:
                self.tags[name] = Tag(name)


class Google:
    """Google's registry, below one project (and, at pkg.dev, one repository)."""

    lister: Lister = staticmethod(tags)

    def discover(self, registry: Registry, root: str) -> Iterable[str]:
        """Every repository with images below `root`; Google names the children of each path."""
        if root.count("/") > _DEEPEST:
            raise Unsupported(f"{registry.host} names children of children without end: {root[:100]}")
        scopes = (f"repository:{root}:pull",)
        try:
            found = list(listing.pages(registry, f"/v2/{root}/tags/list?n={_PAGE}", scopes))
        except NotFound:
            return []
        with listing.understood(registry):
            children = sorted({str(name) for page in found for name in page.get("child") or ()})
        own = [root] if any(page.get("tags") or page.get("manifest") for page in found) else []
        return [*own, *(path for name in children for path in self.discover(registry, f"{root}/{name}"))]


def _tag(name: str, digest: Digest, manifest: _Manifest) -> Tag:
    return Tag(
        name,
        digest,
        _time(int(manifest.uploaded or 0)),
        sys.intern(manifest.media_type or ""),
        int(manifest.size or 0),
    )


def _time(milliseconds: int) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
