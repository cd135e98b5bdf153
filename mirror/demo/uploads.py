"""Uploads: how a blob comes in, whole, streamed or in chunks, or by a mount."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mirror.demo.messages import Request, Response, refusal
from mirror.demo.repository import Repository
from mirror.demo.rules import Rules
from mirror.demo.storage import Storage, Upload
from mirror.errors import InvalidManifest
from mirror.oci.digest import Digest

_RANGE = re.compile(r"(?:bytes[ =])?(\d+)-(\d+)(?:/.*)?")


class Uploads:
    """The upload sessions of one registry. `origin` is what stands before an absolute Location."""

    def __init__(self, storage: Storage, rules: Rules, origin: str) -> None:
        self.storage = storage
        self.rules = rules
        self.origin = origin

    def begin(self, repository: Repository, request: Request) -> Response:
        """POST: mount the blob, take it whole, or open a session."""
        if self._mounted(repository, request):
            return self._created(repository.name, Digest(request.first("mount")))
        upload = self.storage.begin(repository.name)
        if request.first("digest") and self.rules.chunks:
            return self.finish(upload, request)
        return self._accepted(upload, 202)

    def append(self, upload: Upload, request: Request) -> Response:
        """PATCH: the next bytes of a session."""
        first = _first(request)
        if not self.rules.chunks and (first is not None or upload.writes):
            return refusal(400, "UNSUPPORTED", "Artifact Registry does not support Docker chunked uploads")
        if first is not None and first != upload.size:
            return self._accepted(upload, 416)
        upload.write(_chunks(request))
        return self._accepted(upload, 202)

    def finish(self, upload: Upload, request: Request) -> Response:
        """PUT: perhaps the last bytes, and the digest of all."""
        try:
            digest = Digest.parse(request.first("digest"))
        except InvalidManifest as error:
            return refusal(400, "DIGEST_INVALID", str(error))
        data = request.body.read()
        if data:
            if not self.rules.chunks and upload.writes:
                return refusal(400, "UNSUPPORTED", "Artifact Registry takes one body per upload session")
            upload.write([data, *_chunks(request)])
        if not self.storage.commit(upload, digest):
            return refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        return self._created(upload.name, digest)

    def status(self, upload: Upload) -> Response:
        """GET: how many bytes are here."""
        if not self.rules.chunks:
            return refusal(404, "BLOB_UPLOAD_UNKNOWN", "uploads cannot be resumed")
        return self._accepted(upload, 204)

    def cancel(self, upload: Upload) -> Response:
        """DELETE: forget the session."""
        self.storage.cancel(upload)
        return Response(204)

    def find(self, identity: str, request: Request) -> Upload | None:
        """The session of a Location; one that did not come back to the letter is unknown."""
        upload = self.storage.upload(identity[:32])
        if upload is None:
            return None
        path, _, query = self._location(upload).partition("?")
        same = request.path == path and request.query.get("_state", ("",))[0] == query.removeprefix("_state=")
        return upload if same else None

    def _mounted(self, repository: Repository, request: Request) -> bool:
        digest = Digest(request.first("mount"))
        other = self.storage.find(request.first("from"))
        if not digest or not self.rules.mounts or other is None or not other.has(digest):
            return False
        return repository.link(digest)

    def _created(self, name: str, digest: Digest) -> Response:
        location = f"/v2/{name}/blobs/{digest}"
        return Response(201, {"Location": location, "Docker-Content-Digest": digest})

    def _accepted(self, upload: Upload, status: int) -> Response:
        upload.answers += 1
        location = self._location(upload)
        headers = {
            "Location": (self.origin if self.rules.absolute else "") + location,
            "Docker-Upload-UUID": upload.id,
            "Range": f"0-{max(0, upload.size - 1)}",
        }
        return Response(status, headers)

    def _location(self, upload: Upload) -> str:
        """The path grows where that of Google does; elsewhere a query changes with every write."""
        # Every Location is another, so that a client that keeps an old one is found out.
        state = f"{upload.answers}-{upload.id}".ljust(self.rules.padding, "x")
        namespace, _, repository = upload.name.partition("/")
        in_path = self.rules.google
        path = self.rules.upload_path.format(
            name=upload.name,
            namespace=namespace,
            repository=repository.replace("/", "%2F"),
            id=upload.id + state if in_path else upload.id,
        )
        return path if in_path else f"{path}?_state={state}"


def _chunks(request: Request) -> Iterable[bytes]:
    while data := request.body.read():
        yield data


def _first(request: Request) -> int | None:
    found = _RANGE.fullmatch(request.headers.get("content-range", ""))
    return int(found[1]) if found else None
