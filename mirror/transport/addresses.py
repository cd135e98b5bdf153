"""Addresses that a registry may not send us to: a redirect must not reach a metadata server."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit

from mirror.errors import ConnectFailed, ForbiddenAddress

# Names and addresses where clouds hand out credentials to whoever asks from inside.
_METADATA = {"metadata", "metadata.google.internal", "100.100.100.200", "fd00:ec2::254"}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def follow(location: str, place: str, origin: str) -> str:
    """The URL that `location` (perhaps relative) means at the URL `place`; checked as by `check_redirect`."""
    try:
        url: str = urljoin(place, location)
    except ValueError as error:
        raise ForbiddenAddress("the registry redirects to something that is no URL") from error
    check_redirect(url, origin)
    return url


def check_redirect(location: str, origin: str) -> None:
    """Raise ForbiddenAddress unless the host of `origin` (a URL) may redirect to `location` (a URL).

    Private networks are allowed: object storage is often reached there. Loopback is allowed only to a
    registry that is on loopback itself.
    """
    try:
        parts = urlsplit(location)
    except ValueError as error:
        raise ForbiddenAddress("the registry redirects to something that is no URL") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ForbiddenAddress("the registry redirects to something that is not an http(s) URL")
    if urlsplit(origin).scheme == "https" and parts.scheme != "https":
        raise ForbiddenAddress(f"the registry redirects from https to plain http at {parts.hostname}")
    if parts.hostname == urlsplit(origin).hostname:
        return
    reason = forbidden(parts.hostname, ()) or forbidden("", resolve(parts.hostname))
    if reason == "loopback" and forbidden("", resolve(urlsplit(origin).hostname or "")) == "loopback":
        return
    if reason:
        raise ForbiddenAddress(
            f"the registry redirects to {parts.hostname}, a {reason} address; no image comes from there"
        )


def forbidden(host: str, addresses: Iterable[Address]) -> str | None:
    """The kind of address that makes `host` forbidden, or None."""
    if host.rstrip(".").lower() in _METADATA:
        return "metadata"
    for address in addresses:
        kind = _kind(address)
        if kind:
            return kind
    return None


def resolve(host: str) -> list[Address]:
    """Every address of `host`; ConnectFailed when its name does not resolve."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConnectFailed(f"the name {host} does not resolve") from error
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


def _kind(address: Address) -> str | None:
    plain = getattr(address, "ipv4_mapped", None) or address
    if str(plain) in _METADATA:
        return "metadata"
    for kind in ("loopback", "link_local", "multicast", "unspecified"):
        if getattr(plain, f"is_{kind}"):
            return kind.replace("_", "-")
    return None
