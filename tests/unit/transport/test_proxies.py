"""Through a proxy: plain requests are handed to it, encrypted ones go through a tunnel, and its login stays with it."""

from __future__ import annotations

import base64
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from mirror.demo.messages import Request, Response
from mirror.demo.server import Server
from mirror.errors import ConnectFailed
from mirror.events import ignore
from mirror.transport.client import Client, Timeouts
from tests.servers.certificates import Authority, Certificate


class Echo(Server):
    """Says which headers it was sent."""

    def answer(self, request: Request) -> Response:
        return Response(
            200, {}, "\n".join(f"{name}: {value}" for name, value in request.headers.items()).encode()
        )


class Tunnels:
    """A proxy for CONNECT. `heads` are the requests that it was sent; `refuses` is its answer to all of them."""

    def __init__(self, tls: ssl.SSLContext | None = None, refuses: str = "") -> None:
        self.heads: list[str] = []
        self._refuses = refuses
        self._open: list[socket.socket] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        if tls:
            self._socket = tls.wrap_socket(self._socket, server_side=True)
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                self._open.append(client)
                with client:
                    self._tunnel(client)

    def _tunnel(self, client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        self.heads.append(head.decode())
        if self._refuses:
            client.sendall(f"HTTP/1.1 {self._refuses}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        name, _, port = head.split()[1].decode().rpartition(":")
        with socket.create_connection((name, int(port))) as there:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            both = {client: there, there: client}
            while True:
                for end in select.select(list(both), [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    both[end].sendall(data)

    def close(self) -> None:
        for end in (self._socket, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def context(made: Certificate) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    return tls


@pytest.fixture
def echo(authority: Authority) -> Iterator[Echo]:
    with Echo(tls=context(authority.server())) as server:
        yield server


@pytest.fixture
def tunnels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Tunnels]]:
    with ExitStack() as stack:

        def start(scheme: str = "http", tls: ssl.SSLContext | None = None, refuses: str = "") -> Tunnels:
            made = Tunnels(tls, refuses)
            stack.callback(made.close)
            monkeypatch.setenv("https_proxy", f"{scheme}://me:s%40cret@{made.host}")
            monkeypatch.setenv("no_proxy", "")
            return made

        yield start


def client(ca_file: Path) -> Client:
    return Client("far", observe=ignore, ca_file=str(ca_file), timeouts=Timeouts(2.0, 2.0))


LOGIN = "Basic " + base64.b64encode(b"me:s@cret").decode()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_is_encrypted_goes_through_a_tunnel(
    scheme: str, echo: Echo, authority: Authority, tunnels: Callable[..., Tunnels]
) -> None:
    proxy = tunnels(scheme, context(authority.server()) if scheme == "https" else None)
    ours = client(authority.file)
    answers = [ours.exchange("GET", f"{echo.url}/x", {}).body.decode() for _ in range(3)]
    assert len(proxy.heads) == echo.connections == 1
    assert proxy.heads[0].startswith(f"CONNECT {echo.host} HTTP/1.1\r\nHost: {echo.host}\r\n")
    assert f"Proxy-Authorization: {LOGIN}" in proxy.heads[0]
    assert not any("proxy-authorization" in answer.lower() for answer in answers)


def test_a_proxy_that_refuses_is_named_and_its_password_is_not(
    echo: Echo, authority: Authority, tunnels: Callable[..., Tunnels]
) -> None:
    proxy = tunnels(refuses="407 Proxy Authentication Required")
    with pytest.raises(ConnectFailed, match="407 proxy authentication required") as raised:
        client(authority.file).exchange("GET", f"{echo.url}/x", {})
    assert proxy.host in str(raised.value)
    assert "cret" not in str(raised.value)


def test_a_proxy_that_does_not_answer_is_a_connection_that_never_was(
    echo: Echo, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(ConnectFailed, match="refused") as raised:
        client(authority.file).exchange("GET", f"{echo.url}/x", {})
    assert type(raised.value) is ConnectFailed


def test_a_plain_request_is_handed_to_the_proxy_with_its_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Echo() as proxy:
        monkeypatch.setenv("http_proxy", f"me:s%40cret@{proxy.host}")
        monkeypatch.setenv("no_proxy", "")
        said = (
            Client("far", observe=ignore)
            .exchange("GET", "http://far.example:5000/a", {})
            .body.decode()
            .lower()
        )
    assert "host: far.example:5000" in said
    assert f"proxy-authorization: {LOGIN}".lower() in said


def test_a_proxy_that_is_no_url_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(ConnectFailed):
        Client("far", observe=ignore).exchange("GET", "http://far.example/a", {})
