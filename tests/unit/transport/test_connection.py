"""What is written to a connection, and how the end of an answer is known."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from mirror.transport.connection import Body, Connection
from mirror.transport.failures import Cut, Garbled
from mirror.transport.response import Response

SECONDS = 2.0


@pytest.fixture
def ends() -> Iterator[tuple[Connection, socket.socket]]:
    """A connection, and the socket of the one who is asked."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(SECONDS)
        yield Connection(ours, "registry.example:5000"), theirs


Ends = tuple[Connection, socket.socket]


def sent(ends: Ends, method: str, target: str, fields: dict[str, str], body: Body | None = None) -> bytes:
    connection, theirs = ends
    connection.send(method, target, fields, body, SECONDS)
    return theirs.recv(1_000_000)


def answered(ends: Ends, method: str, text: bytes, *, ends_here: bool = False) -> Response:
    connection, theirs = ends
    theirs.sendall(text)
    if ends_here:
        theirs.shutdown(socket.SHUT_WR)
    return connection.answer(method, SECONDS)


def test_a_request_names_its_host_and_carries_its_fields(ends: Ends) -> None:
    assert sent(ends, "GET", "/v2/", {"Accept": "a, b"}) == (
        b"GET /v2/ HTTP/1.1\r\nHost: registry.example:5000\r\nAccept-Encoding: identity\r\nAccept: a, b\r\n\r\n"
    )


def test_a_small_body_comes_in_one_piece_with_its_headers_and_its_length(ends: Ends) -> None:
    text = sent(ends, "PUT", "/x", {}, b"{}")
    assert text.endswith(b"\r\nContent-Length: 2\r\n\r\n{}")


def test_pieces_are_sent_as_they_come(ends: Ends) -> None:
    connection, theirs = ends
    pieces = (memoryview(piece) for piece in (b"abc", b"de"))
    connection.send("PUT", "/x", {"Content-Length": "5"}, pieces, SECONDS)
    theirs.shutdown(socket.SHUT_WR)
    received = b""
    while not received.endswith(b"abcde"):
        received += theirs.recv(1000)
    assert received.count(b"Content-Length") == 1


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("/a b?c=\u00fc", b"/a%20b?c=%C3%BC"),
        ("/a%20b?c=d%3D&e=/~", b"/a%20b?c=d%3D&e=/~"),
        ("/x HTTP/1.1\r\nEvil: yes", b"/x%20HTTP/1.1%0D%0AEvil:%20yes"),
    ],
)
def test_a_target_is_sent_as_it_is_but_for_what_no_request_may_have(
    ends: Ends, target: str, asked: bytes
) -> None:
    assert sent(ends, "GET", target, {}).split(b"\r\n")[0] == b"GET " + asked + b" HTTP/1.1"


@pytest.mark.parametrize("fields", [{"A": "b\r\nEvil: yes"}, {"A": "b\nc"}, {"A\r": "b"}, {"A": "\u20ac"}])
def test_a_header_that_would_become_two_is_never_sent(ends: Ends, fields: dict[str, str]) -> None:
    connection, theirs = ends
    with pytest.raises(ValueError, match=r"line break|codec"):
        connection.send("GET", "/", fields, None, SECONDS)
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(1)


@pytest.mark.parametrize(
    ("method", "text", "body"),
    [
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", b"abc"),
        ("GET", b"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\nabc", b""),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", b""),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b""),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
        ("GET", b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", b"a"),
    ],
)
def test_an_answer_ends_where_it_says_and_the_connection_lives_on(
    ends: Ends, method: str, text: bytes, body: bytes
) -> None:
    assert answered(ends, method, text).read(100) == body
    assert not ends[0].is_used_up


@pytest.mark.parametrize(
    ("text", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: three\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nabc", b"abc"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    ],
)
def test_an_answer_without_end_or_one_that_says_so_is_the_last(ends: Ends, text: bytes, body: bytes) -> None:
    assert answered(ends, "GET", text, ends_here=True).read(100) == body
    assert ends[0].is_used_up


def test_old_http_keeps_a_connection_where_it_says_so(ends: Ends) -> None:
    text = b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\na"
    assert answered(ends, "GET", text).read(100) == b"a"
    assert not ends[0].is_used_up


@pytest.mark.parametrize(
    "text",
    [b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"SSH-2.0-x\r\n\r\n"],
)
def test_what_is_no_status_is_refused(ends: Ends, text: bytes) -> None:
    with pytest.raises(Garbled):
        answered(ends, "GET", text)


def test_what_comes_after_an_answer_is_not_taken_for_the_next(ends: Ends) -> None:
    assert (
        answered(ends, "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n").read(9)
        == b"a"
    )
    assert ends[0].is_stale


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(ends: Ends, size: int) -> None:
    connection, theirs = ends
    chunks = b"5;name=value\r\nabcde\r\n A \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n".replace(b" A ", b"A")
    text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks

    def send() -> None:
        for start in range(0, len(text), size):
            theirs.sendall(text[start : start + size])
            time.sleep(0.001)

    sender = threading.Thread(target=send)
    sender.start()
    response = connection.answer("GET", SECONDS)
    buffer = bytearray(8)
    first = response.readinto(memoryview(buffer))
    assert bytes(buffer[:first]) + response.read(100) == b"abcde0123456789"
    sender.join()
    assert response.is_done
    assert not connection.is_stale


@pytest.mark.parametrize(
    "text",
    [
        b"Content-Length: 5\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_an_answer_that_ends_too_early_is_none(ends: Ends, text: bytes) -> None:
    response = answered(ends, "GET", b"HTTP/1.1 200 OK\r\n" + text, ends_here=True)
    with pytest.raises(Cut):
        response.read(100)
    assert not response.is_done


@pytest.mark.parametrize("chunks", [b"x\r\n", b"-1\r\nabc", b"3\r\nabcd\r\n0\r\n\r\n", b"\r\n", b"0x1\r\na"])
def test_chunks_that_are_none_are_refused(ends: Ends, chunks: bytes) -> None:
    response = answered(ends, "GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    with pytest.raises(Garbled):
        response.read(100)


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nA: 1\r\n", b"HTTP/1.1 200 OK\r\nA: 1"]
)
def test_a_head_that_ends_too_early_is_none(ends: Ends, head: bytes) -> None:
    with pytest.raises(Cut):
        answered(ends, "GET", head, ends_here=True)


def test_a_head_without_end_is_refused(ends: Ends) -> None:
    connection, theirs = ends
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 200_000)
    theirs.sendall(b"HTTP/1.1 200 OK\r\nA: " + b"y" * 100_000)
    with pytest.raises(Garbled):
        connection.answer("GET", SECONDS)


def test_an_answer_that_comes_before_all_was_sent_is_heard(ends: Ends) -> None:
    """As when a registry refuses a blob by its headers and hangs up."""
    connection, theirs = ends

    def pieces() -> Iterator[memoryview]:
        yield memoryview(b"a")
        theirs.recv(1000)
        theirs.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        theirs.close()
        yield memoryview(b"b")

    connection.send("PUT", "/x", {"Content-Length": "2"}, pieces(), SECONDS)
    assert connection.answer("PUT", SECONDS).status == 413
    assert connection.is_used_up


def test_a_connection_that_was_closed_while_nobody_asked_is_stale(ends: Ends) -> None:
    connection, theirs = ends
    assert not connection.is_stale
    theirs.close()
    assert connection.is_stale


def test_a_peer_that_takes_nothing_is_given_up(ends: Ends) -> None:
    connection, _ = ends
    pieces = (memoryview(bytes(1_000_000)) for _ in range(100))
    with pytest.raises(TimeoutError):
        connection.send("PUT", "/x", {"Content-Length": "100000000"}, pieces, 0.1)


def test_a_peer_that_stops_in_the_middle_of_an_answer_is_given_up(ends: Ends) -> None:
    connection, theirs = ends
    theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    response = connection.answer("GET", 0.1)
    with pytest.raises(TimeoutError):
        response.read(100)


def test_a_slow_peer_is_waited_for_while_something_comes(ends: Ends) -> None:
    connection, theirs = ends

    def trickle() -> None:
        theirs.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
        for letter in b"abcdefghijkl":
            time.sleep(0.05)
            theirs.sendall(bytes([letter]))

    threading.Thread(target=trickle, daemon=True).start()
    assert connection.answer("GET", 0.3).read(100) == b"abcdefghijkl"
