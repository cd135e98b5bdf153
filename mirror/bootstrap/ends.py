"""Ends: the two references of `gcr-mirror copy`, and how each of them is reached and logged in to."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from mirror.bootstrap.connection import connect
from mirror.errors import ConfigError
from mirror.events import Observe
from mirror.oci.auth import Credential, Login
from mirror.oci.reference import Reference
from mirror.oci.registry import Registry
from mirror.oci.repository import Lister, Repository, only
from mirror.registries.credentials import DockerConfig, Password, from_variable
from mirror.registries.generic import Generic
from mirror.sync.plan import Rule
from mirror.sync.reconcile import Mirror
from mirror.sync.selection import Selection, TagPattern
from mirror.transport.clock import Clock

Side = Literal["SOURCE", "TARGET"]
# cosign's tags, and the fallback tag of the referrers API.
_COMPANIONS = ("", ".sig", ".att", ".sbom")


class Ends(NamedTuple):
    """Where one image comes from and goes to."""

    source: Reference
    target: Reference
    insecure: frozenset[str] = frozenset()
    ca_file: Path | None = None

    @classmethod
    def parse(
        cls, source: str, target: str, *, insecure: frozenset[str] = frozenset(), ca_file: Path | None = None
    ) -> Ends:
        """Read both references. ConfigError names what is wrong with either, or that they are the same."""
        ends = cls(Reference.parse(source), Reference.parse(target), insecure, ca_file)
        if ends.target.digest and ends.target.digest != ends.source.digest:
            raise ConfigError(
                "the target names a digest; write a tag or nothing: a copy keeps the source's digest"
            )
        if (ends.source.name, ends.source.identifier) == (ends.target.name, ends.tag):
            raise ConfigError(f"source and target are the same image: {ends.source}")
        return ends

    @property
    def tag(self) -> str:
        """What the image is called at the target: a tag, or its digest when it came without one."""
        return self.target.tag or self.source.tag or self.source.identifier

    def mirror(self, observe: Observe) -> Mirror:
        """A mirror of just this image."""
        clock = Clock()
        reading = self._repository(
            self.source, "SOURCE", only(self.tag, self.source.identifier, _COMPANIONS), observe, clock
        )
        writing = self._repository(self.target, "TARGET", _lister(self.target), observe, clock)
        return Mirror(
            name=str(self.target),
            discover=lambda: [self.source.repository],
            source=lambda _: reading,
            target=lambda _: writing,
            selection=Selection(include=(TagPattern.parse(self.tag),)),
            rule=Rule(),
        )

    def _repository(
        self, reference: Reference, side: Side, lister: Lister, observe: Observe, clock: Clock
    ) -> Repository:
        registry = self._registry(reference, side, observe, clock)
        return Repository(
            registry, reference.repository, push=side == "TARGET", lister=lister, observe=observe
        )

    def _registry(self, reference: Reference, side: Side, observe: Observe, clock: Clock) -> Registry:
        host = reference.api_host
        return connect(
            host,
            credential(reference, side, os.environ),
            observe=observe,
            clock=clock,
            insecure=host in self.insecure or (self.ca_file is None and is_loopback(host)),
            ca_file=str(self.ca_file) if self.ca_file else None,
        )


def credential(reference: Reference, side: Side, env: Mapping[str, str]) -> Credential:
    """The login for one end: the environment's, else Docker's, else (at Google) the one of the machine."""
    username = env.get(f"GCR_MIRROR_{side}_USERNAME")
    if username:
        return Password(username, from_variable(f"GCR_MIRROR_{side}_PASSWORD", env))
    docker = DockerConfig(
        "index.docker.io" if reference.host == "docker.io" else reference.host, reference.repository
    )
    return _DockerElseGoogle(docker) if is_google(reference.host) else docker


class _DockerElseGoogle(NamedTuple):
    docker: DockerConfig

    def login(self) -> Login | None:
        from mirror.registries.google_auth import ApplicationDefault  # noqa: PLC0415 - google-auth is heavy

        return self.docker.login() or ApplicationDefault().login()


def is_google(host: str) -> bool:
    """Whether a host is one of Google's registries."""
    return host == "gcr.io" or host.endswith((".gcr.io", "-docker.pkg.dev"))


def _lister(reference: Reference) -> Lister:
    if not is_google(reference.host):
        return Generic.lister
    from mirror.registries.google import Google  # noqa: PLC0415 - msgspec reads its lists, and no others

    return Google.lister


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, which is reached by plain http."""
    name = host.rpartition(":")[0] or host
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"
