"""Network: names, TLS, proxies and clocks between here and a registry."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from mirror.checks.certificate import TLS, certificate, is_about_tls
from mirror.checks.check import Check, Finding, Probe
from mirror.checks.place import SLOW, Place
from mirror.errors import MirrorError
from mirror.oci.auth import Challenge
from mirror.transport import redact
from mirror.transport.addresses import resolve
from mirror.transport.answer import Answer

# Tokens are refused when their times do not fit; GitLab's registry and Google forgive about a minute.
_SKEW_WARNING, _SKEW_FAILED = 30.0, 300.0
_SET_CLOCK = "timedatectl set-ntp true"
_DNS = "dns"
ANSWERS = "answers"


def network(place: Place) -> list[Check]:
    """Everything about the way to one registry."""
    name, _ = place.server
    lookup = replace(
        place.check(_DNS, lambda: dns(place)), tried=f"look up {name}", late=f"time getent hosts {name}"
    )
    addresses = place.check("addresses", lambda: reachable(place), _DNS)
    return [
        place.check("proxy", lambda: proxy(place)),
        lookup,
        replace(addresses, vital=False),
        place.check(ANSWERS, lambda: answers(place), _DNS),
    ]


def dns(place: Place) -> Iterator[Finding]:
    """The name resolves, and soon."""
    name, _ = place.server
    probe = place.probe(_DNS, f"look up {name}")
    if through_proxy(place):
        yield probe.ok("left to the proxy")
        return
    began = place.timer()
    try:
        found = resolve(name)
    except MirrorError as error:
        yield probe.refused(error)
        return
    took = place.timer() - began
    said = ", ".join(sorted({str(address) for address in found}))
    if took > SLOW:
        yield probe.warning(
            f"{said}, after {took:.0f} s",
            f"time getent hosts {name} # a name server of /etc/resolv.conf does not answer: take it out",
            "every new connection waits so long for the name",
        )
    else:
        yield probe.ok(said)


def reachable(place: Place) -> Iterator[Finding]:
    """Addresses of IPv4 and of IPv6 both take connections, where the name has both."""
    name, port = place.server
    if through_proxy(place):
        return
    families = {address.version: str(address) for address in reversed(resolve(name))}
    silent = {version: one for version, one in families.items() if _silent(one, port)}
    probe = place.probe("addresses", f"connect to {', '.join(sorted(families.values()))}")
    if not silent:
        yield probe.ok("no family of addresses is silent")
    for version, one in silent.items() if len(silent) < len(families) else ():
        yield probe.warning(
            f"IPv{version} swallows packets: {one}",
            "echo 'precedence ::ffff:0:0/96 100' | sudo tee -a /etc/gai.conf # IPv4 first"
            if version == 6
            else f"curl -4v {place.base}/v2/ # mend the route of IPv4",
            "a connection tries one address after the other, and waits for each",
        )


def _silent(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=SLOW).close()
    except TimeoutError:
        return True
    except OSError:
        return False  # Refused at once: the next address is tried at once.
    return False


def answers(place: Place) -> Iterator[Finding]:
    """`/v2/` answers, TLS holds, the clock fits, and the token service answers."""
    probe = place.probe(ANSWERS, f"GET {place.base}/v2/")
    began = place.timer()
    try:
        answer = place.client.exchange("GET", f"{place.base}/v2/", {})
    except MirrorError as error:
        about = place.probe(TLS, probe.tried) if is_about_tls(error) else probe
        yield about.refused(error, f"curl -v {place.base}/v2/ # does anything answer?")
        return
    took = place.timer() - began
    if answer.status not in (200, 401):
        yield probe.failed(f"{answer.status}", f"curl -i {place.base}/v2/ # is it a registry?")
        return
    yield in_time(probe, str(answer.status), took, f"{place.base}/v2/")
    if not through_proxy(place):
        yield from certificate(place, datetime.now(UTC))
    yield from _clock(place, answer)
    yield from _token_service(place, answer)


def in_time(probe: Probe, said: str, took: float, url: str) -> Finding:
    """It is as it should be, if it took no longer than it may."""
    if took <= SLOW:
        return probe.ok(said)
    parts = "%{time_namelookup} %{time_connect} %{time_appconnect} %{time_starttransfer}"
    return probe.warning(
        f"{said}, after {took:.0f} s",
        f"curl -so /dev/null -w '{parts}\\n' {shlex.quote(url)} # seconds to the name, connection, TLS, answer",
        "every image costs several requests",
    )


def proxy(place: Place) -> Iterator[Finding]:
    """The proxy that the environment asks for, if any, takes connections."""
    parts = urlsplit(place.base)
    probe = place.probe("proxy", f"the proxy for {parts.hostname}")
    found = through_proxy(place)
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
            f"export {parts.scheme}_proxy=http://{shown} # once the proxy knows this machine by its address",
            "every process of this user can read the environment",
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
    probe = place.probe("clock", "this machine's clock against the registry's Date")
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
        yield place.probe("token service", "read how the registry asks for a login").refused(error)
        return
    realm = challenge.parameters.get("realm", "")
    if challenge.scheme != "bearer" or urlsplit(realm).netloc == urlsplit(place.base).netloc:
        return
    url = redact.url(realm)
    probe = place.probe("token service", f"GET {url}")
    began = place.timer()
    try:
        said = place.client.exchange("GET", realm, {})
    except MirrorError as error:
        yield probe.refused(error, f"curl -v {shlex.quote(url)} # the token service must be reachable too")
        return
    if said.status >= 500:
        yield probe.failed(
            f"{said.status}", f"curl -i {shlex.quote(url)} # the token service is down: ask its operator"
        )
    else:
        yield in_time(probe, "it answers", place.timer() - began, url)


def through_proxy(place: Place) -> str:
    """The proxy that requests go through, "" for none."""
    parts = urlsplit(place.base)
    return "" if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme, "")
