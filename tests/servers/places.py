"""Places: registries as the checks look at them, and the one level that came out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mirror.bootstrap.connection import connect
from mirror.checks.check import Finding
from mirror.checks.place import TIMEOUTS, Place
from mirror.events import ignore
from mirror.oci.auth import Credential, Fixed
from mirror.transport.client import Client
from mirror.transport.retry import Policy
from tests.servers.waiting import Instant


def place(
    host: str,
    credential: Credential | None = None,
    known: Mapping[str, str] | None = None,
    *,
    insecure: bool = True,
    ca_file: str | None = None,
) -> Place:
    """A registry on loopback; each request is tried once."""
    login = credential or Fixed(None)
    policy = Policy(attempts=1, attempts_to_connect=1)
    registry = connect(
        host,
        login,
        observe=ignore,
        clock=Instant(),
        insecure=insecure,
        ca_file=ca_file,
        policy=policy,
        timeouts=TIMEOUTS,
    )
    return Place(
        "there",
        registry,
        Client(host, observe=ignore, ca_file=ca_file, timeouts=TIMEOUTS),
        login,
        known or {},
        ca_file,
    )


def worst(findings: Iterable[Finding]) -> Finding:
    """The finding that matters most."""
    return max(findings, key=lambda one: ("ok", "warning", "failed").index(one.level))
