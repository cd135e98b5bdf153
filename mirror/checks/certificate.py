"""Certificate: what a registry proves itself with in TLS, and how long it still does."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from mirror.checks.check import Finding
from mirror.checks.place import SLOW, Place
from mirror.errors import MirrorError

TLS = "tls"
_SOON = timedelta(days=14)


def certificate(place: Place, now: datetime) -> Iterator[Finding]:
    """When the certificate ends; that it is trusted, and for this name, a request has shown already."""
    if not place.base.startswith("https:"):
        return
    name, port = place.server
    probe = place.probe(TLS, f"when the certificate of {name}:{port} ends")
    try:
        ends = _ends(name, port, place.ca_file)
    except OSError:
        return  # It answered a moment ago.
    if ends - now > _SOON:
        yield probe.ok(f"on {ends:%Y-%m-%d}")
        return
    yield probe.warning(
        f"it ends on {ends:%Y-%m-%d}, in {(ends - now).days} days",
        f"openssl s_client -connect {name}:{port} -servername {name} </dev/null 2>/dev/null | "
        f"openssl x509 -noout -enddate # renew it at {name}, or ask its operator",
        "nothing is copied once it has ended",
    )


def is_about_tls(error: MirrorError) -> bool:
    """Whether a request failed since the certificate does not prove that this is the registry."""
    return isinstance(error.__cause__, ssl.SSLError)


def _ends(name: str, port: int, ca_file: str | None) -> datetime:
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    with (
        socket.create_connection((name, port), timeout=SLOW) as plain,
        context.wrap_socket(plain, server_hostname=name) as tls,
    ):
        found = tls.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(found["notAfter"])), UTC)
