"""Network: names, TLS, proxies and clocks between here and a registry."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from mirror.checks.check import Check, Finding
from mirror.checks.place import Place
from mirror.errors import MirrorError
from mirror.oci.auth import Challenge
from mirror.transport import redact
from mirror.transport.addresses import resolve
from mirror.transport.client import Answer

# Tokens are refused when their times do not fit; GitLab's registry and Google forgive about a minute.
_SKEW_WARNING, _SKEW_FAILED = 30.0, 300.0
_SET_CLOCK = "timedatectl set-ntp true"
ANSWERS = "answers"


def network(place: Place) -> list[Check]:
    """Everything about the way to one registry."""
    return [
        place.check("proxy", lambda: proxy(place)),
        place.check(ANSWERS, lambda: answers(place)),
    ]


def answers(place: Place) -> Iterator[Finding]:
    """The name resolves, TLS holds, `/v2/` answers, the clock fits, and the token service answers."""
    host = urlsplit(place.base).hostname or place.host
    name = place.probe(ANSWERS, f"look up {host}")
    if not _through_proxy(place):
        try:
            found = resolve(host)
        except MirrorError as error:
            yield name.refused(error)
            return
        yield name.ok(", ".join(sorted({str(address) for address in found})))
    greeting = place.probe(ANSWERS, f"GET {place.base}/v2/")
    try:
        answer = place.client.exchange("GET", f"{place.base}/v2/", {})
    except MirrorError as error:
        yield greeting.refused(error, f"see whether anything answers there: curl -v {place.base}/v2/")
        return
    if answer.status not in (200, 401):
        yield greeting.failed(f"{answer.status}", f"is it a registry? try: curl -i {place.base}/v2/")
        return
    yield greeting.ok(f"{answer.status}")
    yield from _clock(place, answer)
    yield from _token_service(place, answer)


def proxy(place: Place) -> Iterator[Finding]:
    """The proxy that the environment asks for, if any, takes connections."""
    parts = urlsplit(place.base)
    probe = place.probe("proxy", f"the proxy for {parts.hostname}")
    found = _through_proxy(place)
    if not found:
        yield probe.ok("none")
        return
    address = urlsplit(found if "://" in found else f"//{found}")
    shown = f"{address.hostname}:{address.port or 80}"
    without = f"export no_proxy={parts.hostname}"
    try:
        with socket.create_connection((address.hostname or "", address.port or 80), timeout=3.0):
            pass
    except OSError as error:
        yield probe.failed(f"{shown}: {error.strerror or error}", without, "the proxy takes no connections")
        return
    if address.password:
        yield probe.warning(
            f"{shown}, with a password in the environment",
            "let the proxy know this machine by its address: every process can read the environment",
        )
        return
    yield probe.ok(shown)


def skew(date: str | None, now: datetime) -> float | None:
    """Seconds by which a Date header is ahead of `now`; None when there is none that can be read."""
    try:
        when = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now.timestamp()


def _clock(place: Place, answer: Answer) -> Iterator[Finding]:
    probe = place.probe(ANSWERS, "this machine's clock against the registry's Date")
    seconds = skew(answer.headers.get("Date"), datetime.now(UTC))
    if seconds is None:
        return
    said = f"{abs(seconds):.0f} s {'behind' if seconds > 0 else 'ahead'}"
    if abs(seconds) > _SKEW_FAILED:
        yield probe.failed(said, _SET_CLOCK, "tokens and signatures of another time are refused")
    elif abs(seconds) > _SKEW_WARNING:
        yield probe.warning(said, _SET_CLOCK, "tokens may be refused when they are new or nearly over")
    else:
        yield probe.ok("the same")


def _token_service(place: Place, answer: Answer) -> Iterator[Finding]:
    if answer.status != 401:
        return
    try:
        challenge = Challenge.parse(answer.headers.get("WWW-Authenticate", ""))
    except MirrorError as error:
        yield place.probe(ANSWERS, "read how the registry asks for a login").refused(error)
        return
    realm = challenge.parameters.get("realm", "")
    if challenge.scheme != "bearer" or urlsplit(realm).netloc == urlsplit(place.base).netloc:
        return
    probe = place.probe(ANSWERS, f"GET {redact.url(realm)}")
    try:
        said = place.client.exchange("GET", realm, {})
    except MirrorError as error:
        yield probe.refused(error, "the registry's token service must be reachable too")
        return
    if said.status >= 500:
        yield probe.failed(
            f"{said.status}", "the token service is down: look at the status page of its operator"
        )
    else:
        yield probe.ok("the token service answers")


def _through_proxy(place: Place) -> str:
    parts = urlsplit(place.base)
    return "" if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme, "")
