"""Engine: images of the local Docker Engine, tagged and pushed by it, its answers read to the last line.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImagePush
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import docker
import docker.errors
import requests

from mirror.errors import (
    ConfigError,
    ConnectFailed,
    Denied,
    MirrorError,
    NotFound,
    RateLimited,
    TimedOut,
    Unauthorized,
    Unavailable,
    Unsupported,
)
from mirror.oci.auth import IDENTITY_TOKEN, Login
from mirror.oci.digest import Digest
from mirror.oci.reference import Reference

# Seconds without a line of the push; a large layer that waits behind others says nothing for a while.
_SILENCE = 600


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer on its way: `position` of `total` bytes."""

    name: str
    position: int
    total: int


Watch = Callable[[Layer], None]


class Engine:
    """The Docker Engine that the environment names (DOCKER_HOST), else the one of this machine."""

    def __init__(self, api: docker.APIClient) -> None:
        """`api` speaks to it."""
        self._api = api

    @classmethod
    def connect(cls) -> Self:
        """Reach it. ConnectFailed says how it can be named."""
        try:
            client = docker.from_env(timeout=_SILENCE)
        except docker.errors.DockerException as error:
            raise ConnectFailed(
                f"no Docker Engine answers: {error}. Start it, or name another one in DOCKER_HOST"
            ) from error
        return cls(client.api)

    def push(self, image: str, target: Reference, login: Login | None, watch: Watch) -> Digest:
        """Tag an image as `target` and push it; the digest that the registry took.

        The login goes with this request alone: what `docker login` has cached is neither used nor changed.
        """
        tag = target.tag or "latest"
        with _translated(target):
            self._tag(image, target.name, tag)
            lines = self._api.push(
                target.name, tag=tag, stream=True, decode=True, auth_config=_auth_config(login)
            )
            return read(lines, target, watch)

    def _tag(self, image: str, name: str, tag: str) -> None:
        try:
            self._api.tag(image, name, tag)
        except docker.errors.ImageNotFound as error:
            raise ConfigError(
                f"the Docker Engine has no image {image}: build it, or pull it, first"
            ) from error


def read(lines: Iterable[Mapping[str, Any]], target: Reference, watch: Watch) -> Digest:
    """The digest that a push ends with. An error is a line too: the status was 200 long before."""
    digest: Digest | None = None
    for line in lines:
        if "error" in line:
            raise refusal(str(line["error"]), target)
        progress = line.get("progressDetail") or {}
        if "id" in line and progress.get("total"):
            watch(Layer(str(line["id"]), int(progress.get("current", 0)), int(progress["total"])))
        if "Digest" in (line.get("aux") or {}):
            digest = Digest.parse(line["aux"]["Digest"])
    if digest is None:
        raise Unsupported(f"push {target}: the Docker Engine ended the push without naming a digest")
    return digest


# What the Engine, and through it a registry, says -> what that is. The first that fits counts: whatever may pass
# stands first, since a login that finds nobody is no refusal.
_WORDS: tuple[tuple[tuple[str, ...], type[MirrorError]], ...] = (
    (("connection refused", "connection reset", "no such host", "unexpected eof"), ConnectFailed),
    (("timeout", "timed out", "deadline exceeded"), TimedOut),
    (("toomanyrequests", "too many requests"), RateLimited),
    (("does not exist", "name unknown", "not found"), NotFound),
    (("denied", "forbidden", "insufficient_scope"), Denied),
    (("unauthorized", "authentication required", "no basic auth"), Unauthorized),
)


def refusal(text: str, target: Reference) -> MirrorError:
    """The error that a line of the Engine stands for; one that is not known may pass."""
    said = text.lower()
    kind = next((kind for words, kind in _WORDS if any(word in said for word in words)), Unavailable)
    return kind(f"push {target}: {text.strip()}")


def _auth_config(login: Login | None) -> dict[str, str]:
    """Empty for anonymous: with None the library would look for a login by itself."""
    if login is None:
        return {}
    if login.username == IDENTITY_TOKEN:
        return {"identitytoken": login.password}
    return {"username": login.username, "password": login.password}


@contextmanager
def _translated(target: Reference) -> Iterator[None]:
    try:
        yield
    except docker.errors.APIError as error:
        raise refusal(str(error.explanation or error), target) from error
    except (requests.RequestException, docker.errors.DockerException) as error:
        raise ConnectFailed(f"push {target}: the Docker Engine does not answer: {error}") from error
