"""Pushes: one image of the local Engine to several registries, each on its own, each asked for what it got."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mirror.bootstrap.connection import connect
from mirror.bootstrap.ends import credential, is_google, is_loopback
from mirror.errors import ConfigError, ContentError, MirrorError
from mirror.events import Observe
from mirror.oci.auth import Credential, Login
from mirror.oci.digest import Digest
from mirror.oci.reference import Reference
from mirror.oci.repository import Repository
from mirror.registries.generic import Generic
from mirror.transport.clock import Clock
from mirror.transport.retry import Policy, Retry

Status = Literal["pushed", "partial", "failed"]
# Pushes an image under a name with a login, and says which digest the registry took.
Push = Callable[[Reference, Login | None], Digest]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one target: the digest it has, or the error that it ended with."""

    target: Reference
    digest: Digest | None = None
    error: MirrorError | None = None

    def as_json(self) -> dict[str, Any]:
        """The reference with its digest, and what failed."""
        pinned = f"{self.target.name}@{self.digest}" if self.digest else None
        return {
            "target": str(self.target),
            "image": pinned,
            "digest": self.digest,
            "error": str(self.error) if self.error else None,
            "reason": self.error.reason if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What became of all of them."""

    image: str
    all: tuple[Delivery, ...]

    @property
    def status(self) -> Status:
        """Different digests are a failure, however many there are."""
        digests = {delivery.digest for delivery in self.all}
        if None not in digests and len(digests) == 1:
            return "pushed"
        return "partial" if len(digests) == 2 and None in digests else "failed"

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "image": self.image,
            "status": self.status,
            "targets": [delivery.as_json() for delivery in self.all],
        }


@dataclass(frozen=True, slots=True)
class Pusher:
    """How each target is pushed to: `attempts` each, with waits between them; then it is asked by digest."""

    push: Push
    attempts: int = 5
    insecure: frozenset[str] = frozenset()
    ca_file: Path | None = None
    clock: Clock | None = None

    def deliver(self, image: str, targets: list[Reference], observe: Observe) -> Deliveries:
        """To one after the other; none of them keeps the next from being tried."""
        return Deliveries(image, tuple(self._deliver(target, observe) for target in targets))

    def _deliver(self, target: Reference, observe: Observe) -> Delivery:
        clock = self.clock or Clock()
        policy = Policy(self.attempts, self.attempts, self.attempts, first=1.0)
        login = credential(target, "TARGET" if is_google(target.host) else "SOURCE", os.environ)
        try:
            digest = Retry(target.host, policy, clock, observe)(
                lambda: self._push_and_ask(target, login, clock, observe)
            )
        except ConfigError:
            raise
        except MirrorError as error:
            return Delivery(target, error=error)
        return Delivery(target, digest)

    def _push_and_ask(
        self, target: Reference, credential: Credential, clock: Clock, observe: Observe
    ) -> Digest:
        digest = self.push(target, credential.login())
        # By digest: the tag may have been moved by somebody else by now.
        found = self._repository(target, credential, clock, observe).resolve(digest).digest
        if found != digest:
            raise ContentError(f"{target}: {digest} was pushed, and the registry answers with {found}")
        return digest

    def _repository(
        self, target: Reference, credential: Credential, clock: Clock, observe: Observe
    ) -> Repository:
        host = target.api_host
        registry = connect(
            host,
            credential,
            observe=observe,
            clock=clock,
            insecure=host in self.insecure or (self.ca_file is None and is_loopback(host)),
            ca_file=str(self.ca_file) if self.ca_file else None,
            policy=Policy(1, 1, 1),
        )
        return Repository(registry, target.repository, push=False, lister=Generic.lister, observe=observe)


def targets(image: str, to: list[str]) -> list[Reference]:
    """Where to: each of `to`, with the image's tag where it has none. ConfigError when that is nowhere."""
    tag = Reference.parse(image).tag or "latest"
    if not to:
        raise ConfigError("push it where? Give --to host/path[:tag], once for each registry")
    found = [Reference.parse(text) for text in to]
    for target in found:
        if target.digest:
            raise ConfigError(
                f"{target} names a digest; a push has a tag, and the digest follows from the image"
            )
    return [Reference(one.host, one.repository, one.tag or tag) for one in found]
