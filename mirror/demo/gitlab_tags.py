"""GitLab's own list of tags: digest, size and times of each, a thousand to a page.

https://gitlab.com/gitlab-org/container-registry/-/blob/master/docs/spec/gitlab/api.md
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from mirror.demo.messages import Request, Response, json_answer, refusal
from mirror.demo.repository import Repository, Stored, Tagged
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest

_SORTS = ("name", "-name", "published_at", "-published_at")


def tags_page(repository: Repository, request: Request) -> Response:
    """One page, with the links to the one before and after."""
    size = request.number("n", 100)
    sort = request.first("sort", "name")
    if not 1 <= size <= 1000 or sort not in _SORTS:
        return refusal(400, "INVALID_QUERY_PARAMETER_VALUE", "n is 1 to 1000, sort is a field of the list")
    keyed = _sorted(repository, request, sort)
    keys = [key for key, _, _ in keyed]
    start, end = _window(keys, request, size, descending=sort.startswith("-"))
    # Each is asked for once: a lock for every tag would be fought for by all who list at the same time.
    manifests = repository.manifests
    referred = repository.referred if request.first("referrers") == "true" else None
    found = [
        _entry(name, tagged, stored, referred)
        for _, name, tagged in keyed[start:end]
        if (stored := manifests.get(tagged.digest))
    ]
    response = json_answer(found)
    links = []
    if 0 < start < end:
        links.append(_link(request, "before", keys[start]) + '; rel="previous"')
    if end < len(keyed):
        links.append(_link(request, "last", keys[end - 1]) + '; rel="next"')
    return response.having(Link=", ".join(links)) if links else response


def _sorted(repository: Repository, request: Request, sort: str) -> list[tuple[str, str, Tagged]]:
    """Sort key, name and state of the tags that are asked for."""
    part, exact = request.first("name"), request.first("name_exact")
    named = {
        name: tagged
        for name, tagged in repository.tags.items()
        if (not part or part in name) and (not exact or name == exact)
    }
    by_time = sort.endswith("published_at")
    keyed = [(_time_key(name, tagged) if by_time else name, name, tagged) for name, tagged in named.items()]
    return sorted(keyed, key=lambda one: one[:2], reverse=sort.startswith("-"))


def _time_key(name: str, tagged: Tagged) -> str:
    return f"{_stamp(tagged.published)}|{name}"


def _window(keys: list[str], request: Request, size: int, *, descending: bool) -> tuple[int, int]:
    last, before = (_marker(request.first(name)) for name in ("last", "before"))

    def passed(key: str, marker: str) -> bool:
        return key <= marker if not descending else key >= marker

    if before:
        end = sum(passed(key, before) and key != before for key in keys)
        return max(0, end - size), end
    start = sum(passed(key, last) for key in keys) if last else 0
    return start, min(len(keys), start + size)


def _entry(
    name: str, tagged: Tagged, stored: Stored, referred: Mapping[Digest, list[Manifest]] | None
) -> dict[str, Any]:
    manifest = stored.manifest
    found: dict[str, Any] = {"name": name, "digest": tagged.digest}
    if manifest and not manifest.is_index and manifest.blobs:
        found["config_digest"] = manifest.blobs[0].digest
    found["media_type"] = stored.media_type
    found["size_bytes"] = stored.size
    found["created_at"] = _stamp(tagged.created)
    if tagged.updated:
        found["updated_at"] = _stamp(tagged.updated)
    found["published_at"] = _stamp(tagged.published)
    if referred is not None:
        found["referrers"] = [
            {"artifactType": one.artifact_type, "digest": one.digest}
            for one in referred.get(tagged.digest, ())
        ]
    return found


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _marker(text: str) -> str:
    """Markers of a list by time are base64; those of a list by name are names."""
    try:
        decoded = base64.urlsafe_b64decode(text.encode()).decode()
    except ValueError:
        return text
    return decoded if "|" in decoded else text


def _link(request: Request, name: str, marker: str) -> str:
    if "|" in marker:
        marker = base64.urlsafe_b64encode(marker.encode()).decode()
    kept = {key: values[0] for key, values in request.query.items() if key not in ("last", "before")}
    return f"<{request.path}?{urlencode(kept | {name: marker})}>"
