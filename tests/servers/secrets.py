"""Every secret that is in play between the embedded registries, and registries that do their best to give it away."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mirror.demo.access import Access
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.messages import Answer, Effect, Request, Response
from mirror.demo.tokens import TokenService
from mirror.oci.digest import Digest
from tests.servers.embedded import PASSWORD, Embedded

# So much of a secret in a text is a leak.
TELLING = 24


@dataclass
class Recorder:
    """A token service that keeps what it gave out."""

    service: TokenService
    given: list[str] = field(default_factory=list)

    def mint(self, subject: str, access: Iterable[Access] = ()) -> str:
        """A token, kept."""
        self.given.append(self.service.mint(subject, access))
        return self.given[-1]

    def __getattr__(self, name: str) -> Any:
        """All else as the service."""
        return getattr(self.service, name)


class Secrets:
    """What nobody may read of passes between `both`."""

    def __init__(self, both: Embedded) -> None:
        """Begin to record."""
        source, target = both.source, both.target
        assert isinstance(source, GitLabRegistry)
        assert isinstance(target, GoogleRegistry)
        self._both = both
        self._key = json.dumps(target.key)
        self._recorders = [Recorder(source.tokens), Recorder(target.tokens)]
        source.tokens, target.tokens = self._recorders  # type: ignore[assignment] # stand in
        self._signatures: list[str] = []
        self._sign = source.objects.sign
        source.objects.sign = self._signed  # type: ignore[method-assign] # to record it

    def all(self) -> list[str]:
        """Every secret so far: passwords, keys, headers, tokens, signatures."""
        key = json.loads(self._key)
        lines = [
            line for line in key["private_key"].splitlines() if len(line) > TELLING and "KEY" not in line
        ]
        logins = [f"mirror:{PASSWORD}", f"_json_key:{self._key}"]
        headers = [base64.b64encode(login.encode()).decode() for login in logins]
        tokens = [token for recorder in self._recorders for token in recorder.given]
        signed = [token.rpartition(".")[2] for token in tokens]
        return [PASSWORD, *lines, *headers, *tokens, *signed, *self._signatures]

    def _signed(self, digest: Digest) -> str:
        url = self._sign(digest)
        self._signatures += parse_qs(urlsplit(url).query)["Signature"]
        return url

    def in_text(self, text: str) -> list[str]:
        """Those that a text gives away, wholly or in part."""
        return [secret for secret in self.all() if secret[:TELLING] in text or secret[-TELLING:] in text]


def echo(status: int, code: str = "") -> Effect:
    """Answers with all that it was sent, as careless proxies do; with a `code`, in the specification's form."""

    def effect(request: Request, _answer: Answer) -> Response:
        headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        login = request.headers.get("authorization", "")
        decoded = (
            base64.b64decode(login[6:] + "==").decode(errors="replace") if login.startswith("Basic") else ""
        )
        said = f"cannot {request.method} http://{request.headers.get('host')}{request.target}\n{headers}\n{decoded}"
        if not code:
            return Response(status, {"Content-Type": "text/plain"}, said.encode())
        error = {"code": code, "message": said, "detail": said}
        return Response(
            status, {"Content-Type": "application/json"}, json.dumps({"errors": [error]}).encode()
        )

    return effect
