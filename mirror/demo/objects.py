"""ObjectStorage: the other host that GitLab sends clients to for the bytes of a blob."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlencode

from mirror.demo.blobs import part
from mirror.demo.messages import Request, Response
from mirror.demo.server import Server
from mirror.demo.storage import Storage
from mirror.errors import InvalidManifest
from mirror.oci.digest import Digest


class ObjectStorage(Server):
    """Signed URLs that end; as real object storage it refuses a request with a second authentication."""

    def __init__(
        self,
        storage: Storage,
        *,
        lifetime: float = 1200.0,
        now: Callable[[], float] = time.time,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls=tls)
        self.storage = storage
        self.lifetime = lifetime
        self._now = now
        self._secret = secrets.token_bytes(16)

    def sign(self, digest: Digest) -> str:
        """A URL for a blob, good for `lifetime` seconds."""
        path = f"/bucket/docker/registry/v2/blobs/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}/data"
        expires = repr(self._now() + self.lifetime)
        query = {"Expires": expires, "GoogleAccessId": "registry", "Signature": self._sign(path, expires)}
        return f"{self.url}{path}?{urlencode(query)}"

    def answer(self, request: Request) -> Response:
        """The object, or the XML that says why not."""
        if "authorization" in request.headers:
            return _error(400, "InvalidArgument", "Only one auth mechanism allowed")
        expires, signature = request.first("Expires"), request.first("Signature")
        if not hmac.compare_digest(signature, self._sign(request.path, expires)):
            return _error(403, "SignatureDoesNotMatch", "The request signature does not match")
        if float(expires) < self._now():
            return _error(400, "ExpiredToken", "The provided token has expired.")
        parts = request.path.split("/")
        try:
            digest = Digest.parse(f"{parts[-4]}:{parts[-2]}")
        except InvalidManifest:
            return _error(404, "NoSuchKey", "The specified key does not exist.")
        size = self.storage.size(digest)
        if size is None:
            return _error(404, "NoSuchKey", "The specified key does not exist.")
        return part(self.storage.path(digest), size, request).having(ETag=f'"{digest.hex[:32]}"')

    def _sign(self, path: str, expires: str) -> str:
        return hmac.new(self._secret, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()


def _error(status: int, code: str, message: str) -> Response:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    document = f"<?xml version='1.0' encoding='UTF-8'?>{text}"
    return Response(status, {"Content-Type": "application/xml"}, document.encode())
