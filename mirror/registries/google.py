"""Google: `gcr.io` hosts and `pkg.dev`, both Artifact Registry; one request lists every manifest and its tags.

https://cloud.google.com/artifact-registry/docs/reference/docker-api
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from mirror.errors import NotFound, Unsupported
from mirror.oci import listing
from mirror.oci.authority import Scopes
from mirror.oci.content import Listing
from mirror.oci.digest import Digest
from mirror.oci.registry import Registry
from mirror.oci.repository import Lister
from mirror.oci.tag import Tag

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
        for page in listing.pages(registry, f"/v2/{path}/tags/list?n={_PAGE}", scopes):
            with listing.understood(registry):
                found.take(page)
    except NotFound:
        return Listing({}, frozenset(), exists=False)
    return Listing(found.tags, frozenset(found.manifests) if found.told else None)


class _Found:
    """What the pages say, taken out of each as it comes: parsed, a page takes five times its bytes."""

    def __init__(self) -> None:
        self.tags: dict[str, Tag] = {}
        self.manifests: set[Digest] = set()
        self.told = True

    def take(self, page: dict[str, Any]) -> None:
        self.told = self.told and "manifest" in page
        for text, manifest in (page.get("manifest") or {}).items():
            digest = Digest.parse(text)
            self.manifests.add(digest)
            for name in manifest.get("tag") or ():
                self.tags[str(name)] = _tag(str(name), digest, manifest)
        for name in map(str, page.get("tags") or ()):
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


def _tag(name: str, digest: Digest, manifest: dict[str, Any]) -> Tag:
    return Tag(
        name=name,
        digest=digest,
        published=_time(manifest.get("timeUploadedMs")),
        media_type=sys.intern(str(manifest.get("mediaType") or "")),
        size=int(manifest.get("imageSizeBytes") or 0),
    )


def _time(milliseconds: Any) -> datetime | None:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if str(milliseconds or 0) != "0" else None
