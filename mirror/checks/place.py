"""Place: one registry of the configuration, as the checks look at it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mirror.checks.check import Check, Finding, Probe
from mirror.oci.auth import Credential
from mirror.oci.registry import Registry
from mirror.transport.client import Client, Timeouts

# One try with short waits: a check tells that something is slow, it does not wait until it is not.
TIMEOUTS = Timeouts(connect=3.0, read=4.0)
# Slower than this, an answer is told as slow.
SLOW = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """`name` is the registry's name in the configuration; `known` fills in the placeholders of explanations.

    `ca_file` is trusted beside the system's authorities; `timer` tells how long something took. `member` tells who the
    login is at Google, as IAM writes it, "" where that is not known.
    """

    name: str
    registry: Registry
    client: Client
    credential: Credential
    known: Mapping[str, str] = field(default_factory=dict)
    ca_file: str | None = None
    timer: Callable[[], float] = time.monotonic
    member: Callable[[], str] = lambda: ""

    @property
    def host(self) -> str:
        """`host[:port]`."""
        return self.registry.host

    @property
    def base(self) -> str:
        """The URL that the registry answers at."""
        return self.registry.base

    @property
    def server(self) -> tuple[str, int]:
        """The name and port that connections go to."""
        parts = urlsplit(self.base)
        return parts.hostname or self.host, parts.port or (443 if parts.scheme == "https" else 80)

    def named(self, what: str) -> str:
        """The name of a check of this registry."""
        return f"{self.name}: {what}"

    def check(
        self, what: str, diagnose: Callable[[], Iterable[Finding]], needs: str = "", asks: str = ""
    ) -> Check:
        """A check of this registry, which may need another one of it; `asks` is a URL that it waits for."""
        return Check(
            self.named(what),
            diagnose,
            self.named(needs) if needs else "",
            self._known,
            tried=f"wait for {asks or self.base}",
            late=f"curl -v --max-time 10 {shlex.quote(asks or f'{self.base}/v2/')}",
        )

    def probe(self, what: str, tried: str) -> Probe:
        """The words for one thing that is tried here."""
        return Probe(self.named(what), tried, self._known)

    @property
    def _known(self) -> Mapping[str, str]:
        return {"HOST": self.host, **self.known}
