"""One exchange: what breaks it, what it is called then, and what becomes of the connection."""

from __future__ import annotations

import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from mirror.demo import faults
from mirror.demo.messages import Effect, Request, Response
from mirror.demo.server import Server
from mirror.errors import ConnectFailed, ConnectionBroken, MirrorError, TimedOut, TooLong
from mirror.events import Event, Requested, ignore
from mirror.transport.client import Client, Timeouts

SIZE = 200_000


class Bytes(Server):
    """Answers with as many bytes as the path says."""

    def answer(self, request: Request) -> Response:
        while request.body.read():
            pass
        return Response(200, {}, b"x" * int(request.path.strip("/") or 0))


@pytest.fixture
def server() -> Iterator[Bytes]:
    with Bytes() as server:
        yield server


@pytest.fixture
def client() -> Client:
    return Client("r", observe=ignore, timeouts=Timeouts(connect=2.0, read=2.0))


class Scripted:
    """Sends each connection the same bytes, slowly enough to be broken off; `sent` counts them."""

    def __init__(self, *parts: bytes, again: int = 1) -> None:
        self.sent = 0
        self._parts = parts * again
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, suppress(OSError):
                    connection.recv(65536)
                    for part in self._parts:
                        connection.sendall(part)
                        self.sent += len(part)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    made: list[Scripted] = []

    def start(*parts: bytes, again: int = 1) -> Scripted:
        made.append(Scripted(*parts, again=again))
        return made[-1]

    yield start
    for one in made:
        one.close()


def drain(client: Client, url: str) -> int:
    """Read a stream as blobs are read; the bytes that came."""
    buffer, total = memoryview(bytearray(65536)), 0
    with client.stream("GET", url, {}) as stream:
        while count := stream.readinto(buffer):
            total += count
    return total


def test_an_answer_is_read_whole(server: Bytes, client: Client) -> None:
    answer = client.exchange("GET", f"{server.url}/{SIZE}", {})
    assert (answer.status, len(answer.body)) == (200, SIZE)


def test_an_answer_without_end_is_not_read_to_its_end(
    scripted: Callable[..., Scripted], client: Client
) -> None:
    place = scripted(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 1_000_000] * 200)
    with pytest.raises(TooLong, match="more than 1,000 bytes"):
        client.exchange("GET", place.url, {}, most=1000)
    assert place.sent < 50_000_000


def test_an_answer_that_unpacks_to_a_thousand_times_its_size_is_not_unpacked(
    scripted: Callable[..., Scripted], client: Client
) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(200)) + packer.flush()
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    place = scripted(head, packed)
    tracemalloc.start()
    with pytest.raises(TooLong):
        client.exchange("GET", place.url, {}, most=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30_000_000


@pytest.mark.parametrize("wbits", [15, 31], ids=["deflate", "gzip"])
def test_an_answer_that_was_packed_without_being_asked_is_unpacked(
    scripted: Callable[..., Scripted], client: Client, wbits: int
) -> None:
    packer = zlib.compressobj(wbits=wbits)
    packed = packer.compress(b"words " * 100) + packer.flush()
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: " + (
        b"gzip" if wbits > 15 else b"deflate"
    )
    assert client.exchange("GET", scripted(head, b"\r\n\r\n", packed).url, {}).body == b"words " * 100
    for broken in (packed[:-9], b"words"):
        with pytest.raises(ConnectFailed) as raised:
            client.exchange("GET", scripted(head, b"\r\n\r\n", broken).url, {})
        assert raised.value.temporary


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("reset", [True, False])
def test_a_truncated_answer_is_known_where_its_length_is(
    server: Bytes, client: Client, stated: bool, reset: bool
) -> None:
    server.faults.add(faults.cut(1000, reset=reset, stated=stated))
    if stated or reset:
        with pytest.raises(ConnectFailed):
            client.exchange("GET", f"{server.url}/{SIZE}", {})
    else:
        assert len(client.exchange("GET", f"{server.url}/{SIZE}", {}).body) == 1000


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("read", [drain, lambda client, url: client.exchange("GET", url, {})])
@pytest.mark.parametrize("rest", [b"", b"ffff\r\nabc", b"3\r\nabc\r\n", b"zz\r\n", b"3\r\nabc"], ids=range(5))
def test_a_chunked_answer_that_breaks_is_a_connection_that_failed(
    scripted: Callable[..., Scripted], client: Client, read: Callable[[Client, str], object], rest: bytes
) -> None:
    with pytest.raises(ConnectFailed) as raised:
        read(client, scripted(CHUNKED, rest).url)
    assert raised.value.temporary


def test_a_chunked_answer_is_read_whole(scripted: Callable[..., Scripted], client: Client) -> None:
    url = scripted(CHUNKED, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n").url
    assert drain(client, url) == 5
    assert client.exchange("GET", url, {}).body == b"abcde"


@pytest.mark.parametrize(
    "garbage",
    [
        b"nonsense\r\n\r\n",
        b"",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Len",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    ],
    ids=["nonsense", "nothing", "status", "cut", "long-header", "many-headers"],
)
def test_what_is_no_http_is_a_connection_that_failed(
    scripted: Callable[..., Scripted], client: Client, garbage: bytes
) -> None:
    with pytest.raises(ConnectFailed) as raised:
        client.exchange("GET", scripted(garbage).url, {})
    assert raised.value.temporary


def test_a_host_that_says_nothing_times_out(server: Bytes) -> None:
    server.faults.add(faults.hang(server.stopping))
    client = Client("r", observe=ignore, timeouts=Timeouts(connect=1.0, read=0.2))
    with pytest.raises(TimedOut, match="did not answer in time"):
        client.exchange("GET", f"{server.url}/1?Signature=secret", {})


@pytest.mark.parametrize("fault", [faults.reset(), faults.cut(3)], ids=["reset", "cut"])
def test_a_connection_that_breaks_is_told_from_one_that_never_was(
    server: Bytes, client: Client, fault: Effect
) -> None:
    server.faults.add(fault)
    with pytest.raises(ConnectionBroken):
        client.exchange("GET", f"{server.url}/100", {})
    server.close()
    with pytest.raises(ConnectFailed) as raised:
        client.exchange("GET", f"{server.url}/100", {})
    assert type(raised.value) is ConnectFailed


def test_nobody_listens(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(ConnectFailed, match="refused"):
        client.exchange("GET", f"http://127.0.0.1:{port}/", {})


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http:///x", "http://[::1/", "gopher://h/"])
def test_a_url_that_cannot_be_is_an_error_of_ours(client: Client, url: str) -> None:
    with pytest.raises(MirrorError):
        client.exchange("GET", url, {})


@pytest.mark.parametrize("size", [0, 10, 60_000])
def test_the_connection_is_used_again_after_a_short_answer_that_nobody_read(
    server: Bytes, client: Client, size: int
) -> None:
    for _ in range(5):
        with client.stream("GET", f"{server.url}/{size}", {}) as stream:
            assert stream.status == 200
    assert server.connections == 1


def test_a_long_answer_that_nobody_read_costs_its_connection_only(server: Bytes, client: Client) -> None:
    for _ in range(3):
        with client.stream("GET", f"{server.url}/{SIZE}", {}):
            pass
    assert server.connections == 3


def test_the_connection_is_used_again_after_a_stream_was_read(server: Bytes, client: Client) -> None:
    for _ in range(5):
        assert drain(client, f"{server.url}/{SIZE}") == SIZE
    assert server.connections == 1


def test_the_connection_is_used_again_after_an_answer_to_head(server: Bytes, client: Client) -> None:
    for _ in range(5):
        client.exchange("HEAD", f"{server.url}/{SIZE}", {})
    assert server.connections == 1


def test_only_so_many_connections_are_kept(server: Bytes) -> None:
    client = Client("r", observe=ignore, connections=1)
    for _ in range(2):
        with client.stream("GET", f"{server.url}/1", {}), client.stream("GET", f"{server.url}/1", {}):
            pass
    assert server.connections == 3


def test_a_short_answer_that_breaks_while_nobody_reads_it_is_no_error(server: Bytes, client: Client) -> None:
    server.faults.add(faults.cut(5), times=None)
    with client.stream("GET", f"{server.url}/100", {}) as stream:
        assert stream.status == 200


def test_an_error_in_between_costs_the_connection(server: Bytes, client: Client) -> None:
    with pytest.raises(ZeroDivisionError), client.stream("GET", f"{server.url}/{SIZE}", {}):
        raise ZeroDivisionError
    assert client.exchange("GET", f"{server.url}/1", {}).status == 200
    assert server.connections == 2


def test_a_body_that_fails_while_it_is_sent_fails_the_exchange_with_its_own_error(
    server: Bytes, client: Client
) -> None:
    def body() -> Iterator[memoryview]:
        yield memoryview(b"some")
        raise TooLong("of the source")

    with pytest.raises(TooLong, match="of the source"):
        client.exchange("PUT", f"{server.url}/1", {"Content-Length": "10"}, body())
    assert client.exchange("GET", f"{server.url}/1", {}).status == 200


def test_every_exchange_is_told_with_its_status_or_none(server: Bytes) -> None:
    events = list[Event]()
    client = Client("r", observe=events.append)
    client.exchange("GET", f"{server.url}/1", {})
    server.faults.add(faults.reset())
    with pytest.raises(ConnectFailed):
        client.exchange("HEAD", f"{server.url}/1", {})
    told = [(event.registry, event.method, event.status) for event in events if isinstance(event, Requested)]
    assert told == [("r", "GET", 200), ("r", "HEAD", 0)]


@pytest.mark.parametrize("fault", [faults.reset(), faults.cut(3)], ids=["reset", "cut"])
def test_no_error_repeats_the_query_of_its_url(server: Bytes, client: Client, fault: Effect) -> None:
    server.faults.add(fault)
    with pytest.raises(MirrorError) as raised:
        client.exchange("GET", f"{server.url}/100?Signature=secret", {})
    assert "secret" not in str(raised.value)
    assert server.host in str(raised.value)
