"""The proxy delays, cuts and mends what a client sees of a real registry."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import pytest
import requests

from tests.servers.proxy import Proxy
from tests.servers.registry import Registry
from tests.servers.seed import Seed


@pytest.fixture
def proxy(registry: Registry) -> Iterator[Proxy]:
    with Proxy(registry.host) as proxy:
        yield proxy


def _status(proxy: Proxy, timeout: float = 5) -> int:
    return requests.get(f"http://{proxy.host}/v2/", timeout=timeout).status_code


def _read(response: requests.Response, into: bytearray) -> None:
    for chunk in response.iter_content(1000):
        into += chunk


def test_an_image_is_written_and_read_through_it(registry: Registry, proxy: Proxy) -> None:
    blob = Seed(f"http://{proxy.host}", "acme/api").blob(b"0123456789" * 200_000)
    read = requests.get(f"http://{proxy.host}/v2/acme/api/blobs/{blob['digest']}", timeout=5)
    assert read.content == b"0123456789" * 200_000
    assert registry.count("GET", "/blobs/") == 1


def test_a_registry_goes_down_and_comes_back_at_the_same_address(proxy: Proxy) -> None:
    address = proxy.host
    assert _status(proxy) == 200
    proxy.refuse()
    with pytest.raises(requests.ConnectionError, match="refused"):
        _status(proxy)
    proxy.refuse()
    proxy.up()
    assert _status(proxy) == 200
    assert proxy.host == address


def test_a_resetting_registry_accepts_and_resets(proxy: Proxy) -> None:
    proxy.reset()
    before = proxy.connections
    with pytest.raises(requests.ConnectionError, match="reset"):
        _status(proxy)
    assert proxy.connections == before + 1
    proxy.up()
    assert _status(proxy) == 200


def test_a_hanging_registry_answers_nothing_until_it_is_up(proxy: Proxy) -> None:
    with requests.Session() as session:
        session.get(f"http://{proxy.host}/v2/", timeout=5)
        proxy.hang()
        with pytest.raises(requests.ReadTimeout):
            session.get(f"http://{proxy.host}/v2/", timeout=0.1)
    with pytest.raises(requests.ReadTimeout):
        _status(proxy, timeout=0.1)
    proxy.up()
    assert _status(proxy) == 200


def test_open_connections_break_when_the_registry_goes_down(proxy: Proxy) -> None:
    with requests.Session() as session:
        session.get(f"http://{proxy.host}/v2/", timeout=5)
        proxy.refuse()
        with pytest.raises(requests.ConnectionError):
            session.get(f"http://{proxy.host}/v2/", timeout=5)


def test_a_blob_breaks_once_in_the_middle(proxy: Proxy, registry: Registry) -> None:
    blob = Seed(registry.url, "acme/api").blob(b"0123456789" * 200_000)
    url = f"http://{proxy.host}/v2/acme/api/blobs/{blob['digest']}"
    proxy.reset_once_after(1_000_000)
    got = bytearray()
    with requests.Session() as session:
        broken = session.get(url, stream=True, timeout=5)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            _read(broken, got)
    assert 0 < len(got) < 1_000_000
    assert len(requests.get(url, timeout=5).content) == 2_000_000


def test_an_upload_breaks_once_in_the_middle(proxy: Proxy, registry: Registry) -> None:
    seed = Seed(f"http://{proxy.host}", "acme/api")
    proxy.reset_once_after(1_000_000, towards="server")
    with pytest.raises(requests.ConnectionError):
        seed.blob(bytes(2_000_000))
    url = f"{registry.url}/v2/acme/api/blobs/sha256:{hashlib.sha256(bytes(2_000_000)).hexdigest()}"
    assert requests.head(url, timeout=5).status_code == 404
    seed.blob(bytes(2_000_000))
    assert requests.head(url, timeout=5).status_code == 200


def test_every_round_trip_waits_twice_the_delay_and_a_new_connection_once_more(registry: Registry) -> None:
    with Proxy(registry.host, delay=0.02) as proxy, requests.Session() as session:
        took = []
        for _ in range(3):
            began = time.monotonic()
            session.get(f"http://{proxy.host}/v2/", timeout=5)
            took.append(time.monotonic() - began)
    # A delay is what this promises, so here a lower bound of time is the fact.
    assert took[0] >= 0.08
    assert min(took[1:]) >= 0.04


def test_delay_does_not_limit_throughput(registry: Registry) -> None:
    blob = Seed(registry.url, "acme/api").blob(bytes(8_000_000))
    with Proxy(registry.host, delay=0.02) as proxy:
        began = time.monotonic()
        read = requests.get(f"http://{proxy.host}/v2/acme/api/blobs/{blob['digest']}", timeout=20)
        took = time.monotonic() - began
    assert len(read.content) == 8_000_000
    assert took < 2.4  # 122 chunks one after the other would take 2.44 s


def test_a_registry_that_is_gone_resets_its_clients(registry: Registry, proxy: Proxy) -> None:
    registry.stop()
    with pytest.raises(requests.ConnectionError):
        _status(proxy)
    registry.start()
    assert _status(proxy) == 200


def test_closing_twice_is_no_error(registry: Registry) -> None:
    proxy = Proxy(registry.host)
    proxy.close()
    proxy.close()
    with pytest.raises(requests.ConnectionError, match="refused"):
        _status(proxy)
