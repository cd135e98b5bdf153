"""Blobs: what a registry answers for GET, HEAD and DELETE of a blob, ranges included."""

from __future__ import annotations

import re
from pathlib import Path

from mirror.demo.messages import File, Request, Response, refusal
from mirror.demo.repository import Repository
from mirror.demo.storage import Storage
from mirror.oci.digest import Digest

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def get(storage: Storage, repository: Repository, digest: Digest, request: Request) -> Response:
    """The blob, or the range of it that was asked for; HEAD is the same without the body."""
    if not repository.has(digest):
        return unknown(digest)
    response = part(storage.path(digest), storage.size(digest) or 0, request)
    return response.having(Docker_Content_Digest=digest, ETag=f'"{digest}"')


def delete(repository: Repository, digest: Digest) -> Response:
    """Unlink it."""
    return Response(202) if repository.unlink(digest) else unknown(digest)


def unknown(digest: Digest) -> Response:
    """There is no such blob."""
    return refusal(404, "BLOB_UNKNOWN", "blob unknown to registry", str(digest))


def part(path: Path, size: int, request: Request) -> Response:
    """A file, or the one range of it that a client asks for."""
    headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    wanted = _RANGE.fullmatch(request.headers.get("range", ""))
    if wanted is None or wanted.groups() == ("", ""):
        return Response(200, headers, File(path, 0, size))
    first, last = _bounds(wanted[1], wanted[2], size)
    if last < first:
        return Response(416, {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(206, headers, File(path, first, last - first + 1))


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
