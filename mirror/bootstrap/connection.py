"""Connection: one registry, with its client, its limits and its login, not yet contacted."""

from __future__ import annotations

from mirror.events import Observe
from mirror.oci.auth import Credential
from mirror.oci.authority import Authority
from mirror.oci.registry import Registry
from mirror.transport.breaker import Breaker, Endurance
from mirror.transport.client import Client, Timeouts
from mirror.transport.clock import Clock
from mirror.transport.limit import Gate, Pace
from mirror.transport.retry import Policy, Retry


def connect(  # noqa: PLR0913 - everything that can be said of a connection, each by its name
    host: str,
    credential: Credential,
    *,
    observe: Observe,
    clock: Clock,
    insecure: bool = False,
    ca_file: str | None = None,
    parallel: int = 64,
    rate: float | None = None,
    bandwidth: float | None = None,
    policy: Policy | None = None,
    endurance: Endurance | None = None,
    timeouts: Timeouts | None = None,
) -> Registry:
    """A registry, not yet contacted. `rate` is in requests, `bandwidth` in bytes a second.

    With an `endurance`, it is left alone while it is down; without, every request finds out for itself.
    """
    base = f"{'http' if insecure else 'https'}://{host}"
    breaker = Breaker(host, base, clock=clock, observe=observe, endurance=endurance) if endurance else None
    client = Client(
        host, observe=observe, ca_file=ca_file, connections=parallel, breaker=breaker, timeouts=timeouts
    )
    return Registry(
        host,
        base,
        client=client,
        authority=Authority(base, credential, client, clock),
        gate=Gate(host, parallel=parallel, rate=rate, clock=clock, observe=observe),
        retry=Retry(host, policy or Policy(), clock, observe),
        bandwidth=Pace(bandwidth),
        clock=clock,
    )
