"""Listings: tags, repositories and referrers, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from mirror.demo.messages import Request, Response, json_answer
from mirror.demo.repository import Repository
from mirror.demo.rules import Rules
from mirror.demo.storage import Storage
from mirror.oci.descriptor import OCI_INDEX
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest


def tags(storage: Storage, repository: Repository, request: Request, rules: Rules) -> Response:
    """`tags/list`, for Google with the state of the whole repository."""
    names, more = page(sorted(repository.tags), request, rules.page)
    found: dict[str, Any] = {"name": repository.name, "tags": names or (None if rules.null_tags else [])}
    if rules.google:
        found |= {"child": children(storage, repository.name), "manifest": _state(repository, rules.page)}
    response = json_answer(found)
    return response.having(Link=_link(request, names[-1])) if more and rules.pages else response


def children(storage: Storage, name: str) -> list[str]:
    """The first path segments below `name` under which there are repositories."""
    prefix = f"{name}/"
    found = (one[len(prefix) :] for one in storage.repositories if one.startswith(prefix))
    return sorted({rest.partition("/")[0] for rest in found})


def catalog(storage: Storage, request: Request, rules: Rules) -> Response:
    """`_catalog`."""
    names, more = page(storage.repositories, request, rules.page)
    response = json_answer({"repositories": names})
    return response.having(Link=_link(request, names[-1])) if more else response


def referrers(repository: Repository, digest: Digest, request: Request) -> Response:
    """What refers to a manifest; never 404, since the subject need not be there."""
    wanted = request.first("artifactType")
    found = [one for one in repository.referrers(digest) if not wanted or one.artifact_type == wanted]
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [_descriptor(manifest) for manifest in found],
    }
    response = json_answer(index, content_type=OCI_INDEX)
    return response.having(OCI_Filters_Applied="artifactType") if wanted else response


def page(names: list[str], request: Request, size: int) -> tuple[list[str], bool]:
    """The names after `last`, `n` of them, and whether there are more."""
    last = request.first("last")
    left = [name for name in names if name > last] if last else names
    count = request.number("n", size)
    return left[:count], len(left) > count > 0


def _link(request: Request, last: str) -> str:
    query = {"last": last} | ({"n": request.first("n")} if "n" in request.query else {})
    return f'<{request.path}?{urlencode(query)}>; rel="next"'


def _descriptor(manifest: Manifest) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.raw),
    }
    if manifest.artifact_type:
        found["artifactType"] = manifest.artifact_type
    return found | ({"annotations": manifest.annotations} if manifest.annotations else {})


def _state(repository: Repository, limit: int) -> Mapping[str, Any]:
    """Every manifest, tagged or not; the numbers are strings, and two of them are always "0"."""
    by_digest: dict[str, list[str]] = {}
    for name, tagged in repository.tags.items():
        by_digest.setdefault(tagged.digest, []).append(name)
    return {
        digest: {
            "imageSizeBytes": "0",
            "layerId": "",
            "mediaType": stored.media_type,
            "tag": sorted(by_digest.get(digest, ())),
            "timeCreatedMs": "0",
            "timeUploadedMs": str(int(stored.pushed.timestamp() * 1000)),
        }
        for digest, stored in list(repository.manifests.items())[:limit]
    }
