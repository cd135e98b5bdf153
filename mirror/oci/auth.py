"""Auth: challenges, credentials and tokens of the distribution specification's token service.

https://distribution.github.io/distribution/spec/auth/token/
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, Self
from urllib.parse import urlencode

from mirror.errors import Unsupported

# A parameter, or else the name of a scheme, which begins a further challenge (RFC 9110, 11.6.1).
_WORD = r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z][\w-]*)'
# Docker's name for the user of an identity token.
IDENTITY_TOKEN = "<token>"
# The token specification's lifetime where an answer names none.
_DEFAULT_LIFETIME = 60.0


class Login:
    """A user and a secret; the secret shows in no repr. See IDENTITY_TOKEN."""

    __slots__ = ("password", "username")

    def __init__(self, username: str, password: str) -> None:
        """As they are, not encoded."""
        self.username = username
        self.password = password

    def __eq__(self, other: object) -> bool:
        """Whether user and secret are the same."""
        if not isinstance(other, Login):
            return NotImplemented
        return (self.username, self.password) == (other.username, other.password)

    def __hash__(self) -> int:
        """Of both."""
        return hash((self.username, self.password))

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Login(username={self.username!r})"

    @property
    def basic(self) -> str:
        """The value of a Basic Authorization header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


class Credential(Protocol):
    """Where a login comes from: a file that may change, a token that is renewed, a helper."""

    def login(self) -> Login | None:
        """The login to use now; None for anonymous. Raises ConfigError or Unauthorized."""


class Fixed(NamedTuple):
    """A credential that never changes; `Fixed(None)` is anonymous."""

    value: Login | None = None

    def login(self) -> Login | None:
        """The login as given."""
        return self.value


class Challenge(NamedTuple):
    """What a 401 asks for: scheme (lower case) and its parameters."""

    scheme: str
    parameters: Mapping[str, str]

    @classmethod
    def parse(cls, header: str) -> Self:
        """Read a WWW-Authenticate header; of several challenges, Bearer is preferred over Basic."""
        found: list[Self] = []
        for key, quoted, plain, scheme in re.findall(_WORD, header, re.ASCII):
            if scheme:
                found.append(cls(scheme.lower(), {}))
            elif found:
                value = re.sub(r"\\(.)", r"\1", quoted) or plain
                found[-1] = cls(found[-1].scheme, {**found[-1].parameters, key.lower(): value})
        ranked = [one for scheme in ("bearer", "basic") for one in found if one.scheme == scheme]
        if not ranked:
            raise Unsupported(
                f"the registry asks for a login of an unknown kind: {header[:100]!r}", status=401
            )
        return ranked[0]

    def token_request(
        self, login: Login | None, scopes: tuple[str, ...]
    ) -> tuple[str, str, dict[str, str], bytes | None]:
        """Method, URL, headers and body that ask for a token for `scopes`.

        An identity token (Docker's config keeps one for some registries) is exchanged by OAuth2's POST.
        """
        realm = self.parameters.get("realm", "")
        service = [("service", self.parameters["service"])] if self.parameters.get("service") else []
        if login and login.username == IDENTITY_TOKEN:
            form = [*service, ("grant_type", "refresh_token"), ("refresh_token", login.password)]
            form += [("client_id", "gitlab-gcr-mirror"), ("scope", " ".join(scopes))]
            return (
                "POST",
                realm,
                {"Content-Type": "application/x-www-form-urlencoded"},
                urlencode(form).encode(),
            )
        query = urlencode(service + [("scope", scope) for scope in scopes])
        headers = {"Authorization": login.basic} if login else {}
        return "GET", realm + ("&" if "?" in realm else "?") + query, headers, None


class Token:
    """A bearer token and the monotonic time (seconds) at which it should no longer be used."""

    __slots__ = ("renew_at", "value")

    def __init__(self, value: str, renew_at: float) -> None:
        """`value` is the secret, and shows in no repr."""
        self.value = value
        self.renew_at = renew_at

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Token(renew_at={self.renew_at})"

    @classmethod
    def from_answer(cls, body: bytes, now: float) -> Self:
        """Read the token service's JSON; `now` is the monotonic time at which it was asked for.

        GitLab names no `expires_in`: the lifetime is then read from the JWT itself, as a difference of its
        own times, so that a skewed clock does not matter. It is renewed when a fifth of its life is left.
        """
        try:
            answer = json.loads(body)
            value = answer.get("token") or answer["access_token"]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise Unsupported("the token service answered without a token") from error
        if not isinstance(value, str) or not value:
            raise Unsupported("the token service answered without a token")
        lifetime = _seconds(answer.get("expires_in")) or _lifetime(claims(value)) or _DEFAULT_LIFETIME
        return cls(value, now + lifetime - min(300.0, lifetime / 5))


def claims(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified (it is not ours to verify); empty for an opaque token."""
    try:
        payload = token.split(".")[1]
        read = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def lacks(token: str, scopes: tuple[str, ...]) -> str | None:
    """The first of `scopes` that a JWT does not grant, None when all are granted or it is opaque.

    GitLab answers a denied scope with 200 and a weaker token; without this look every use would end in a 401.
    """
    granted = claims(token).get("access")
    if not isinstance(granted, list):
        return None
    held = {right for entry in granted if isinstance(entry, dict) for right in _held(entry)}
    return next((scope for scope in scopes if not _wanted(scope) <= held), None)


def _held(entry: dict[str, Any]) -> set[tuple[str, str, str]]:
    actions = entry.get("actions")
    kind, name = str(entry.get("type")), str(entry.get("name"))
    return {(kind, name, str(action)) for action in (actions if isinstance(actions, list) else ())}


def _wanted(scope: str) -> set[tuple[str, str, str]]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {(kind, name, action) for action in actions.split(",")}


def _lifetime(read: dict[str, Any]) -> float | None:
    ends, begins = _seconds(read.get("exp")), _seconds(read.get("iat") or read.get("nbf"))
    return ends - begins if ends and begins and ends > begins else None


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value > 0 else None
