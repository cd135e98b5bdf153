"""Registry: the routes of the OCI distribution specification 1.1, open to everyone.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from mirror.demo import blobs, listings, manifests
from mirror.demo.access import Access
from mirror.demo.messages import Request, Response, refusal
from mirror.demo.repository import Repository
from mirror.demo.rules import Rules
from mirror.demo.server import Server
from mirror.demo.storage import Clock, Storage
from mirror.demo.uploads import Uploads
from mirror.errors import InvalidManifest
from mirror.oci.digest import Digest

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_ROUTES = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in {
        "manifest": r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)",
        "uploads": r"/v2/(?P<name>.+)/blobs/uploads/?",
        "upload": r"/(?:v2/.+/blobs|artifacts-uploads/.+)/uploads/(?P<reference>[^/]+)",
        "blob": r"/v2/(?P<name>.+)/blobs/(?P<reference>[^/]+)",
        "tags": r"/v2/(?P<name>.+)/tags/list",
        "referrers": r"/v2/(?P<name>.+)/referrers/(?P<reference>[^/]+)",
    }.items()
)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: the kind of route, the repository, and a tag, digest or upload."""

    kind: str
    name: str
    reference: str = ""


class OciRegistry(Server):
    """A plain registry without login; the flavours add their own login and routes to it."""

    def __init__(
        self,
        directory: Path | None = None,
        *,
        rules: Rules | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(tls=tls)
        self.rules = rules or Rules()
        self.storage = Storage(directory, clock)

    def close(self) -> None:
        """Stop. Manifests and tags can still be read, blobs only in a directory that was given."""
        super().close()
        self.storage.close()

    def answer(self, request: Request) -> Response:
        """The answer of the specification."""
        if request.path in ("/v2/", "/v2"):
            return self.refused(request, []) or self.greeting()
        if request.path == "/v2/_catalog" and self.rules.catalog:
            catalog = Access("catalog", frozenset("*"), "registry")
            return self.refused(request, [catalog]) or listings.catalog(self.storage, request, self.rules)
        route = self._route(request)
        if route is None:
            return refusal(404, "UNSUPPORTED", "404 page not found")
        if not _NAME.fullmatch(route.name):
            return refusal(400, "NAME_INVALID", "invalid repository name")
        refused = self.refused(request, self.wanted(route, request)) or self.permitted(route, request)
        return refused or self._dispatch(route, request)

    def greeting(self) -> Response:
        """The answer to `GET /v2/` for someone who may come in."""
        return Response(
            200,
            {"Docker-Distribution-Api-Version": "registry/2.0", "Content-Type": "application/json"},
            b"{}",
        )

    def refused(self, request: Request, wanted: Iterable[Access]) -> Response | None:  # noqa: ARG002 - what a flavour looks at
        """The refusal, if the request does not come with the access that it needs."""
        return None

    def wanted(self, route: Route, request: Request) -> list[Access]:
        """The access that a request needs; a mount reads the other repository too."""
        actions = {"GET": ["pull"], "HEAD": ["pull"], "DELETE": ["delete"]}
        wanted = [Access.to(route.name, *actions.get(request.method, ["pull", "push"]))]
        if route.kind == "uploads" and request.first("from"):
            wanted.append(Access.to(request.first("from"), "pull"))
        return wanted

    def permitted(self, route: Route, request: Request) -> Response | None:  # noqa: ARG002 - what a flavour looks at
        """The refusal of what even a good token does not allow here."""
        return None

    def blob(self, repository: Repository, digest: Digest, request: Request) -> Response:
        """GET or HEAD of a blob; a registry with an object storage behind it redirects."""
        return blobs.get(self.storage, repository, digest, request)

    def missing_repository(self, name: str) -> Response:
        """The answer to a read of a repository that is not there."""
        return refusal(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": name})

    def nameless(self, name: str) -> Repository | None:
        """What stands for a path with no images of its own but with repositories below; mostly nothing."""
        return Repository(name, self.storage) if self.rules.google else None

    @property
    def uploads(self) -> Uploads:
        """The upload sessions, by the rules of the moment."""
        return Uploads(self.storage, self.rules, self.url)

    def _route(self, request: Request) -> Route | None:
        for kind, pattern in _ROUTES:
            if found := pattern.fullmatch(request.path):
                parts = found.groupdict()
                reference = unquote(parts.get("reference") or "")
                return Route(kind, parts.get("name") or self._upload_name(reference), reference)
        return None

    def _upload_name(self, identity: str) -> str:
        upload = self.storage.upload(identity[:32])
        return upload.name if upload else "unknown"

    def _dispatch(self, route: Route, request: Request) -> Response:
        try:
            return self._written(route, request) or self._read(route, request)
        except InvalidManifest as error:
            return refusal(400, "DIGEST_INVALID", str(error))

    def _written(self, route: Route, request: Request) -> Response | None:
        """The answer to what may make a repository, and to what goes on with an upload."""
        match route.kind, request.method:
            case "manifest", "PUT":
                repository = self.storage.repository(route.name)
                return manifests.put(repository, route.reference, request, self.rules)
            case "uploads", "POST":
                return self.uploads.begin(self.storage.repository(route.name), request)
            case "upload", _:
                return self._upload(route.reference, request)
        return None

    def _read(self, route: Route, request: Request) -> Response:
        """The answer to what needs a repository that is there."""
        repository = self.storage.find(route.name)
        if route.kind == "referrers":
            return self._referrers(repository or Repository(route.name, self.storage), route, request)
        if repository is None and route.kind == "tags" and listings.children(self.storage, route.name):
            repository = self.nameless(route.name)
        if repository is None:
            return self.missing_repository(route.name)
        if route.kind == "manifest":
            return self._manifest(repository, route.reference, request)
        if route.kind == "blob":
            return self._blob(repository, Digest.parse(route.reference), request)
        if (route.kind, request.method) == ("tags", "GET"):
            return listings.tags(self.storage, repository, request, self.rules)
        return _unsupported()

    def _manifest(self, repository: Repository, reference: str, request: Request) -> Response:
        if request.method == "DELETE":
            return manifests.delete(repository, reference, self.rules)
        if request.method in ("GET", "HEAD"):
            return manifests.get(repository, reference, request, self.rules)
        return _unsupported()

    def _blob(self, repository: Repository, digest: Digest, request: Request) -> Response:
        if request.method == "DELETE" and not self.rules.google:
            return blobs.delete(repository, digest)
        if request.method in ("GET", "HEAD"):
            return self.blob(repository, digest, request)
        return _unsupported()

    def _referrers(self, repository: Repository, route: Route, request: Request) -> Response:
        if not self.rules.referrers or request.method != "GET":
            return Response(404, {"Content-Type": "text/plain"}, b"404 page not found\n")
        return listings.referrers(repository, Digest.parse(route.reference), request)

    def _upload(self, identity: str, request: Request) -> Response:
        sessions = self.uploads
        upload = sessions.find(identity, request)
        if upload is None:
            return refusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        match request.method:
            case "PATCH":
                return sessions.append(upload, request)
            case "PUT":
                return sessions.finish(upload, request)
            case "GET" | "HEAD":
                return sessions.status(upload)
            case "DELETE":
                return sessions.cancel(upload)
        return _unsupported()


def _unsupported() -> Response:
    return refusal(405, "UNSUPPORTED", "The operation is unsupported.")
