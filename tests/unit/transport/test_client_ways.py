"""How a request finds its way: one connection that is kept, the proxy of the environment, and no endless pools."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mirror.demo.messages import Request, Response
from mirror.demo.server import Server
from mirror.errors import ConnectFailed
from mirror.events import ignore
from mirror.transport import client as module
from mirror.transport.client import Client
from tests.servers.proxy import Proxy


class Echo(Server):
    """Answers with what it was asked for."""

    def answer(self, request: Request) -> Response:
        return Response(200, {}, request.target.encode())


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        yield server


def _asked(client: Client, url: str) -> bytes:
    return client.exchange("GET", url, {}).body


def test_requests_to_one_place_share_a_connection(echo: Echo) -> None:
    client = Client("here", observe=ignore)
    with Proxy(echo.host) as counted:
        for number in range(20):
            assert (
                _asked(client, f"http://{counted.host}/{number}?n={number}")
                == f"/{number}?n={number}".encode()
            )
        assert counted.connections == 1


@pytest.mark.parametrize(
    ("asked", "arrives"),
    [("", b"/"), ("/", b"/"), ("/a/b?c=d%20e&f=#g", b"/a/b?c=d%20e&f="), ("?a=b", b"/?a=b")],
)
def test_path_and_query_arrive_as_they_are(echo: Echo, asked: str, arrives: bytes) -> None:
    assert _asked(Client("here", observe=ignore), echo.url + asked) == arrives


def test_the_proxy_of_the_environment_is_asked_for_the_whole_url(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", echo.url)
    monkeypatch.setenv("no_proxy", "")
    assert _asked(Client("far", observe=ignore), "http://far.example/a?b") == b"http://far.example/a?b"


def test_a_host_without_proxy_is_asked_itself(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert _asked(Client("here", observe=ignore), f"{echo.url}/a") == b"/a"


def test_only_some_places_are_remembered(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_ORIGINS", 2)
    client = Client("here", observe=ignore)
    with Proxy(echo.host) as one, Proxy(echo.host) as two:
        for host in (one.host, two.host, echo.host, one.host):
            assert _asked(client, f"http://{host}/x") == b"/x"
        assert (one.connections, two.connections) == (2, 1)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http://", "http://127.0.0.1:99999/x"])
def test_what_is_no_address_is_no_temporary_error(url: str) -> None:
    with pytest.raises(ConnectFailed, match="not a URL") as raised:
        _asked(Client("nowhere", observe=ignore), url)
    assert not raised.value.temporary
