"""Access: what a token lets its bearer do, and the challenge that asks for one."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mirror.demo.messages import Request


@dataclass(frozen=True, slots=True)
class Access:
    """Actions (`pull`, `push`, `delete`) on one repository."""

    name: str
    actions: frozenset[str]
    kind: str = "repository"

    @classmethod
    def to(cls, name: str, *actions: str) -> Access:
        """Access to a repository."""
        return cls(name, frozenset(actions))

    @classmethod
    def parse(cls, scope: str) -> Access | None:
        """Read `repository:path:pull,push`; None when it is nothing of that kind."""
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        return cls(name, frozenset(actions.split(",")), kind) if name and actions else None

    def only(self, actions: Iterable[str]) -> Access:
        """No more than these actions."""
        return Access(self.name, self.actions & frozenset(actions), self.kind)

    def covers(self, other: Access) -> bool:
        """Whether this is enough for `other`."""
        same = (self.kind, self.name) == (other.kind, other.name)
        return same and (other.actions <= self.actions or "*" in self.actions)

    def __str__(self) -> str:
        """The form that `parse` reads."""
        return f"{self.kind}:{self.name}:{','.join(sorted(self.actions))}"


@dataclass(frozen=True, slots=True)
class Account:
    """Who may log in: the password, and globs of the repositories that may be read and written.

    `api` is False for a deploy token: registry tokens yes, REST no.
    """

    password: str
    pull: tuple[str, ...] = ("*",)
    push: tuple[str, ...] = ("*",)
    api: bool = True

    def allows(self, access: Access) -> Access:
        """The part of `access` that the account has."""
        granted = {"pull"} if matches(self.pull, access.name) else set()
        if matches(self.push, access.name):
            granted |= {"push", "delete"}
        return access.only(granted)


def matches(globs: Iterable[str], name: str) -> bool:
    """Whether one of the globs matches; `*` also matches slashes."""
    return any(fnmatchcase(name, glob) for glob in globs)


def scopes(request: Request) -> list[Access]:
    """What a token request asks for: several `scope` values, each of one or more scopes."""
    parts = " ".join(request.query.get("scope", ())).split()
    return [access for access in map(Access.parse, parts) if access is not None]


def basic(request: Request) -> tuple[str, str] | None:
    """The user and password of Basic authentication."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return None
    return user, password


def bearer(request: Request) -> str | None:
    """The token of Bearer authentication."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else None


def challenge(realm: str, service: str, wanted: Iterable[Access] = (), error: str = "") -> str:
    """A `WWW-Authenticate` header that sends the client to the token endpoint."""
    text = f'Bearer realm="{realm}",service="{service}"'
    scope = " ".join(map(str, wanted))
    return text + (f',scope="{scope}"' if scope else "") + (f',error="{error}"' if error else "")
