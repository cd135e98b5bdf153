"""Manifests: what a registry answers for GET, HEAD, PUT and DELETE of a manifest."""

from __future__ import annotations

import re

from mirror.demo.messages import Request, Response, refusal
from mirror.demo.repository import Repository, Stored
from mirror.demo.rules import Rules
from mirror.errors import InvalidManifest
from mirror.oci.descriptor import DOCKER_INDEX, DOCKER_SCHEMA1, OCI_INDEX, OCI_MANIFEST, Platform
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest

_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_AMD64 = Platform("linux", "amd64")


def get(repository: Repository, reference: str, request: Request, rules: Rules) -> Response:
    """The manifest, in its own bytes; HEAD is the same without the body."""
    stored = repository.find(reference)
    if stored is None:
        return unknown(reference)
    if rules.accept and stored.media_type.startswith(DOCKER_SCHEMA1):
        return refusal(400, "MANIFEST_INVALID", "manifest invalid", "Schema 1 manifest not supported")
    if rules.accept:
        accepted = _accepted(request)
        stored = _default_child(repository, stored, reference, accepted)
        if stored.media_type in (OCI_MANIFEST, OCI_INDEX) and stored.media_type not in accepted:
            kind = "index" if stored.media_type == OCI_INDEX else "manifest"
            message = f"OCI {kind} found, but accept header does not support OCI {kind}s"
            return refusal(404, "MANIFEST_UNKNOWN", "manifest unknown", message)
    headers = {
        "Content-Type": stored.media_type,
        "Docker-Content-Digest": stored.digest,
        "ETag": f'"{stored.digest}"',
    }
    if request.headers.get("if-none-match", "").strip('"') == stored.digest:
        return Response(304, headers)
    return Response(200, headers, stored.raw)


def put(repository: Repository, reference: str, request: Request, rules: Rules) -> Response:
    """Keep a manifest whose children are here."""
    raw = request.body.all(rules.max_manifest)
    if raw is None:
        return refusal(413, "SIZE_INVALID", f"manifest is longer than {rules.max_manifest} bytes")
    media_type = request.headers.get("content-type", "")
    try:
        manifest, tag = _read(raw, media_type, reference)
    except InvalidManifest as error:
        return refusal(400, "MANIFEST_INVALID", str(error))
    problem = _content_problem(manifest, media_type) or _place_problem(repository, manifest, tag, rules)
    if problem is not None:
        return problem
    repository.put(raw, media_type, *([tag] if tag else []), digest=manifest.digest)
    headers = {
        "Location": f"/v2/{repository.name}/manifests/{manifest.digest}",
        "Docker-Content-Digest": manifest.digest,
    }
    if manifest.subject and (rules.referrers or rules.subject):
        headers["OCI-Subject"] = manifest.subject
    return Response(201, headers)


def delete(repository: Repository, reference: str, rules: Rules) -> Response:
    """Remove a tag, or a manifest with its tags; Google has rules for the latter."""
    if ":" not in reference:
        return Response(202) if repository.untag(reference) else unknown(reference)
    digest = Digest(reference)
    if digest not in repository.manifests:
        return unknown(reference)
    code = _dangling(repository, digest) if rules.google else ""
    if code:
        return refusal(400, code, "Manifest is still referenced.")
    repository.remove(digest)
    return Response(202)


def unknown(reference: str) -> Response:
    """There is no such manifest."""
    return refusal(404, "MANIFEST_UNKNOWN", "manifest unknown", {"name": reference})


def _read(raw: bytes, media_type: str, reference: str) -> tuple[Manifest, str]:
    digest = Digest.parse(reference) if ":" in reference else None
    return Manifest.parse(raw, media_type, digest), "" if digest else reference


def _content_problem(manifest: Manifest, media_type: str) -> Response | None:
    if not manifest.digest.matches(manifest.raw):
        return refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    if manifest.media_type != media_type:
        return refusal(400, "MANIFEST_INVALID", f"Content-Type {media_type!r} is not {manifest.media_type}")
    return None


def _place_problem(repository: Repository, manifest: Manifest, tag: str, rules: Rules) -> Response | None:
    if tag and not _TAG.fullmatch(tag):
        return refusal(400, "TAG_INVALID", "manifest tag is invalid", tag)
    missing = repository.missing(manifest)
    if missing:
        detail = [{"digest": one} for one in missing]
        return refusal(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", detail)
    tagged = repository.tags.get(tag)
    if rules.immutable_tags and tagged and tagged.digest != manifest.digest:
        return refusal(400, "DENIED", f"tag {tag!r} is immutable: it must always reference the same digest")
    return None


def _accepted(request: Request) -> frozenset[str]:
    parts = request.headers.get("accept", "").split(",")
    return frozenset(part.partition(";")[0].strip() for part in parts)


def _default_child(
    repository: Repository, stored: Stored, reference: str, accepted: frozenset[str]
) -> Stored:
    if stored.media_type != DOCKER_INDEX or DOCKER_INDEX in accepted or ":" in reference:
        return stored
    children = stored.manifest.manifests if stored.manifest else ()
    for child in children:
        if child.platform and child.platform.satisfies(_AMD64):
            return repository.find(child.digest) or stored
    return stored


def _dangling(repository: Repository, digest: Digest) -> str:
    if repository.tagged(digest):
        return "GOOGLE_MANIFEST_DANGLING_TAG"
    if repository.parents(digest):
        return "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE"
    return "GOOGLE_MANIFEST_REFERRING_MANIFEST" if repository.referrers(digest) else ""
