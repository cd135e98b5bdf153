"""GitLab: its registry's own tag list (digests, times and referrers in one request), and REST to find repositories.

https://gitlab.com/gitlab-org/container-registry/-/blob/master/docs/spec/gitlab/api.md
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import Struct, field
from msgspec.json import Decoder

from mirror.errors import NotFound, Unsupported
from mirror.events import Observe, ignore
from mirror.oci import listing
from mirror.oci.authority import Scopes
from mirror.oci.content import Listing
from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest
from mirror.oci.registry import Registry
from mirror.oci.repository import Lister
from mirror.oci.tag import Tag
from mirror.registries.decoding import decoded
from mirror.registries.generic import below

_PROBE = "/gitlab/v1/"


class _Referrer(Struct):
    digest: str
    artifact_type: str | None = field(name="artifactType", default=None)


class _Entry(Struct):
    """A tag, as far as it is used; times are ISO 8601."""

    name: str
    digest: str
    media_type: str | None = None
    size_bytes: int | None = None
    created_at: str | None = None
    published_at: str | None = None
    referrers: list[_Referrer] | None = None


_LIST: Decoder[list[_Entry] | None] = Decoder(list[_Entry] | None)


def tags(registry: Registry, path: str, scopes: Scopes) -> Listing:
    """All tags with digest, time and referrers, 1,000 to a request; names only where GitLab has no database."""
    if registry.powers.own_list is False:
        return listing.tags(registry, path, scopes)
    url = f"{_PROBE}repositories/{path}/tags/list/?n={listing.PAGE}&referrers=true"
    found: dict[str, Tag] = {}
    try:
        for answer in listing.answers(registry, url, scopes):
            entries = decoded(registry, _LIST, answer.body) or ()
            with listing.understood(registry):
                found |= {entry.name: _tag(entry) for entry in entries}
    except NotFound:
        registry.powers.own_list = _has_own_list(registry, scopes)
        return Listing({}, exists=False) if registry.powers.own_list else listing.tags(registry, path, scopes)
    registry.powers.own_list = True
    registry.powers.referrers = False  # GitLab has no such route; its list tells what there is
    return Listing(found, tells_referrers=True)


class GitLab:
    """GitLab's registry, and the GitLab that it belongs to."""

    lister: Lister = staticmethod(tags)

    def __init__(
        self,
        api_url: str,
        token: Callable[[], str | None],
        *,
        observe: Observe = ignore,
        ca_file: str | None = None,
    ) -> None:
        """`token` gives a token with `read_api`; it is asked at each discovery, since it may be rotated."""
        self._api_url = api_url
        self._token = token
        self._observe = observe
        self._ca_file = ca_file

    def discover(self, registry: Registry, root: str) -> Iterable[str]:
        """The repositories of the group or project at `root`, or of the nearest one above it."""
        if not root:
            raise Unsupported(
                "GitLab does not list every repository: begin the pattern with a group or project"
            )
        from mirror.registries.gitlab_rest import Rest  # noqa: PLC0415 - a tenth of a second for discovery only

        rest = Rest(self._api_url, self._token, registry, self._observe, self._ca_file)
        place = root
        while place:
            for kind in ("groups", "projects"):
                found = rest.repositories(kind, place)
                if found is not None:
                    return sorted({path for path in found if below(path, root)})
            place = place.rpartition("/")[0]
        raise NotFound(
            f"{self._api_url} shows neither a group nor a project at {root}: a wrong path, or a token without "
            "read_api (deploy tokens cannot list repositories: name them without * then)",
            status=404,
        )


def _has_own_list(registry: Registry, scopes: Scopes) -> bool:
    try:
        registry.request("GET", _PROBE, scopes)
    except NotFound:
        return False
    return True


def _tag(entry: _Entry) -> Tag:
    when = entry.published_at or entry.created_at
    return Tag(
        entry.name,
        Digest.parse(entry.digest),
        datetime.fromisoformat(when) if when else None,
        sys.intern(entry.media_type or ""),
        entry.size_bytes or 0,
        tuple(map(_referrer, entry.referrers)) if entry.referrers else (),
    )


def _referrer(item: _Referrer) -> Descriptor:
    # The list tells neither media type nor size; both come with the manifest itself.
    return Descriptor("", Digest.parse(item.digest), 0, artifact_type=item.artifact_type or "")
