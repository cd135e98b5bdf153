"""Where a registry may send us, and where not."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import ConnectFailed, ForbiddenAddress
from mirror.transport import addresses
from mirror.transport.addresses import check_redirect, follow, forbidden

ORIGIN = "https://registry.example.com/v2/x/blobs/y"
NAMES = {
    "registry.example.com": ["198.51.100.1"],
    "cdn.example.com": ["198.51.100.7", "2001:db8::7"],
    "storage.internal": ["10.1.2.3"],
    "rebound.example.com": ["198.51.100.7", "169.254.169.254"],
    "localhost": ["127.0.0.1"],
    "loop.example.com": ["127.0.0.9"],
}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that resolve as the test says; numbers resolve to themselves."""

    def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        if host not in NAMES:
            try:
                ipaddress.ip_address(host)
            except ValueError:
                raise socket.gaierror(-2, "Name or service not known") from None
        return [(0, 0, 0, "", (address, 0)) for address in NAMES.get(host, [host])]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", resolve)


@pytest.mark.parametrize(
    "location",
    [
        "https://cdn.example.com/a?Signature=x",
        "https://registry.example.com:444/elsewhere",
        "https://10.0.0.5/bucket",
        "https://storage.internal/bucket",
        "https://[2001:db8::1]/bucket",
    ],
)
def test_object_storage_may_be_anywhere_private_networks_included(location: str) -> None:
    check_redirect(location, ORIGIN)


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("https://169.254.169.254/latest/", "link-local"),
        ("https://[fe80::1]/", "link-local"),
        ("https://[::ffff:169.254.169.254]/", "link-local"),
        ("https://rebound.example.com/", "link-local"),
        ("https://metadata.google.internal/", "metadata"),
        ("https://METADATA.google.internal./", "metadata"),
        ("https://metadata/", "metadata"),
        ("https://100.100.100.200/", "metadata"),
        ("https://[fd00:ec2::254]/", "metadata"),
        ("https://localhost/", "loopback"),
        ("https://loop.example.com/", "loopback"),
        ("https://[::1]/", "loopback"),
        ("https://0.0.0.0/", "unspecified"),
        ("https://224.0.0.1/", "multicast"),
    ],
)
def test_no_image_comes_from_there(location: str, kind: str) -> None:
    with pytest.raises(ForbiddenAddress, match=kind):
        check_redirect(location, ORIGIN)


@pytest.mark.parametrize("location", ["http://cdn.example.com/", "http://registry.example.com/"])
def test_nobody_is_led_from_https_to_plain_http(location: str) -> None:
    with pytest.raises(ForbiddenAddress, match="plain http"):
        check_redirect(location, ORIGIN)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:5000/", "http://localhost:5000/", "http://[::1]:5000/"])
def test_a_registry_on_loopback_may_stay_there(origin: str) -> None:
    check_redirect("http://127.0.0.1:9000/bucket", origin)
    with pytest.raises(ForbiddenAddress):
        check_redirect("http://169.254.169.254/", origin)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://h/x", "https://", "//", "javascript:1", ""]
)
def test_what_is_no_address_of_the_web_is_refused(location: str) -> None:
    with pytest.raises(ForbiddenAddress):
        check_redirect(location, ORIGIN)


@pytest.mark.parametrize("location", ["http://[", "https://[::1", "http://[nonsense]/"])
def test_what_is_no_url_is_refused(location: str) -> None:
    for refused in (lambda: check_redirect(location, ORIGIN), lambda: follow(location, ORIGIN, ORIGIN)):
        with pytest.raises(ForbiddenAddress):
            refused()


def test_a_name_that_does_not_resolve_may_do_so_later() -> None:
    with pytest.raises(ConnectFailed, match="does not resolve") as raised:
        check_redirect("https://nowhere.example.com/", ORIGIN)
    assert raised.value.temporary


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/v2/other", "https://registry.example.com/v2/other"),
        ("z?state=1", "https://registry.example.com/v2/x/blobs/z?state=1"),
        ("https://cdn.example.com/a", "https://cdn.example.com/a"),
        ("//cdn.example.com/a", "https://cdn.example.com/a"),
    ],
)
def test_a_location_may_be_relative(location: str, expected: str) -> None:
    assert follow(location, ORIGIN, ORIGIN) == expected


@given(st.text(max_size=40))
def test_no_location_is_too_odd(location: str) -> None:
    try:
        url = follow(location, ORIGIN, ORIGIN)
    except (ForbiddenAddress, ConnectFailed):
        return
    assert url.startswith("https://")


@given(st.ip_addresses())
def test_an_address_is_forbidden_in_every_spelling(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if address.version == 4:
        mapped = ipaddress.ip_address(f"::ffff:{address}")
        assert forbidden("", [address]) == forbidden("", [mapped])
