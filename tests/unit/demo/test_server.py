"""The small HTTP server keeps its connections, its log and its promises when it is stopped."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
import requests

from mirror.demo.faults import call, hang
from mirror.demo.messages import File, Request, Response
from mirror.demo.server import Server
from tests.servers.certificates import Authority


class Echo(Server):
    """Answers with the body that it got, at `/file` with a file, at `/deaf` without reading."""

    file = Path()

    def answer(self, request: Request) -> Response:
        if request.path == "/file":
            return Response(body=File(self.file, 2, 3))
        if request.path == "/deaf":
            return Response(401, body=b"no")
        if request.path == "/broken":
            raise LookupError("a bug")
        return Response(body=request.body.all(10_000_000) or b"")


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        yield server


@pytest.fixture
def connection(echo: Echo) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(echo.host, timeout=10)
    yield connection
    connection.close()


def test_a_connection_serves_many_requests(connection: HTTPConnection) -> None:
    bodies = []
    for number in range(3):
        connection.request("POST", "/", body=f"body {number}")
        before = connection.sock
        bodies.append(connection.getresponse().read())
        assert connection.sock is before
    assert bodies == [b"body 0", b"body 1", b"body 2"]


def test_a_chunked_body_is_put_together(connection: HTTPConnection) -> None:
    connection.request("POST", "/", body=iter([b"one ", b"two ", b"three"]), encode_chunked=True)
    assert connection.getresponse().read() == b"one two three"
    connection.request("GET", "/")
    assert connection.getresponse().read() == b""


def test_a_part_of_a_file_is_sent(echo: Echo, connection: HTTPConnection, tmp_path: Path) -> None:
    echo.file = tmp_path / "file"
    echo.file.write_bytes(b"0123456789")
    connection.request("GET", "/file")
    assert connection.getresponse().read() == b"234"
    connection.request("HEAD", "/file")
    answer = connection.getresponse()
    assert (answer.headers["Content-Length"], answer.read()) == ("3", b"")


def test_a_short_body_that_nobody_reads_does_not_cost_the_connection(connection: HTTPConnection) -> None:
    connection.request("POST", "/deaf", body=b"x" * 1000)
    assert connection.getresponse().read() == b"no"
    connection.request("POST", "/", body=b"again")
    assert connection.getresponse().read() == b"again"


def test_a_long_body_that_nobody_reads_does_not_cost_the_answer(connection: HTTPConnection) -> None:
    connection.request("POST", "/deaf", body=b"x" * 5_000_000)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Connection"], answer.read()) == (401, "close", b"no")


def test_the_log_has_no_secrets(echo: Echo) -> None:
    with requests.Session() as session:
        session.get(f"{echo.url}/a?x=1&x=2", auth=("me", "hunter2"), headers={"Private-Token": "hunter2"})
    [seen] = echo.requests
    assert (seen.method, seen.path, seen.query, seen.status) == ("GET", "/a", {"x": ("1", "2")}, 200)
    assert seen.headers["authorization"] == "Basic ***"
    assert "hunter2" not in repr(seen)


def test_requests_are_counted_by_method_path_and_status(echo: Echo) -> None:
    for path in ("/a", "/a/b", "/deaf"):
        requests.get(echo.url + path, timeout=10)
    assert echo.count() == 3
    assert echo.count("GET", "^/a") == 2
    assert echo.count(status=401) == 1
    assert echo.count("POST") == 0
    echo.forget()
    assert echo.count() == 0


def test_a_bug_is_a_500_and_is_raised_in_the_end() -> None:
    with pytest.raises(LookupError, match="a bug"), Echo() as server:
        assert requests.get(f"{server.url}/broken", timeout=10).status_code == 500


def test_a_paused_server_refuses_and_comes_back_at_its_address(echo: Echo) -> None:
    host = echo.host
    echo.pause()
    with pytest.raises(requests.ConnectionError, match="refused"):
        requests.get(echo.url, timeout=10)
    echo.start()
    assert echo.host == host
    assert requests.get(echo.url, timeout=10).status_code == 200


def test_closing_breaks_what_hangs() -> None:
    failed: list[Exception] = []

    def ask() -> None:
        try:
            requests.get(server.url, timeout=30)
        except requests.ConnectionError as error:
            failed.append(error)

    begun = threading.Event()
    with Echo() as server:
        server.faults.add(call(begun.set))
        server.faults.add(hang(server.stopping))
        asking = threading.Thread(target=ask)
        asking.start()
        assert begun.wait(10)
    asking.join(10)
    assert len(failed) == 1
    assert [seen.status for seen in server.requests] == [0]


def test_a_server_speaks_tls(authority: Authority) -> None:
    made = authority.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with Echo(tls=context) as server:
        assert server.url.startswith("https://127.0.0.1:")
        answer = requests.post(server.url, data=b"x" * 300_000, verify=authority.file, timeout=10)
        assert len(answer.content) == 300_000
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(server.url, timeout=10)


def test_a_client_that_goes_away_is_no_problem(echo: Echo) -> None:
    host, port = echo.host.split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
    assert requests.get(echo.url, timeout=10).status_code == 200
    assert echo.problems == []


def test_a_server_has_no_address_before_it_is_started() -> None:
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = Echo().host
