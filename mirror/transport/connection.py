"""Connection: HTTP/1.1 over one socket, one exchange after the other.

What is written is put together here, and in one piece where it is small; http.client reads the bodies of the answers.
"""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Iterable, Mapping
from http.client import BadStatusLine, HTTPResponse, IncompleteRead, RemoteDisconnected
from typing import BinaryIO
from urllib.parse import quote

from mirror.transport import headers
from mirror.transport.headers import Headers

Body = bytes | Iterable[memoryview]
# A body up to this size goes out with its headers: one packet, and the registry wakes up once.
_SMALL = 64 * 1024
_EMPTY = frozenset({204, 304})
_DIGITS = 3
_PLAIN = re.compile(r"[!-~]*")


class Response(HTTPResponse):
    """An answer whose body is still arriving. `fields` are its headers."""

    fields: Headers

    def __init__(self, sock: socket.socket, method: str) -> None:
        """Of the request that was sent with `method`."""
        super().__init__(sock, method=method)
        self._asked = method

    def begin(self) -> None:
        """Read the status line and the headers, and work out where the body ends (RFC 9112, 6.3)."""
        version, status, self.reason = _status(self.fp)
        while 100 <= status < 200:
            headers.read(self.fp)
            version, status, self.reason = _status(self.fp)
        self.status = status
        self.fields = fields = headers.read(self.fp)
        self.chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        length = fields.get("content-length", "")
        self.length = int(length) if length.isascii() and length.isdigit() and not self.chunked else None
        if self._asked == "HEAD" or status in _EMPTY:
            self.length, self.chunked = 0, False
        endless = self.length is None and not self.chunked
        wish = fields.get("connection", "").lower()
        self.will_close = endless or "close" in wish or (version == "HTTP/1.0" and "keep-alive" not in wish)


class Connection:
    """A socket that speaks HTTP. Not thread-safe; whoever takes it has it alone."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        """`host` is the name (and port) that the requests are for."""
        self._socket = sock
        self._host = host
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._broken = False

    def send(
        self, method: str, target: str, fields: Mapping[str, str], body: Body | None, seconds: float
    ) -> None:
        """Write a request; no single write may take more than `seconds`."""
        self._socket.settimeout(seconds)
        first = _head(method, target, self._host, fields, body)
        if isinstance(body, bytes) and len(body) <= _SMALL:
            first, body = first + body, None
        try:
            self._socket.sendall(first)
            for piece in (body,) if isinstance(body, bytes) else body or ():
                self._socket.sendall(piece)
        except BrokenPipeError:
            # The registry answered before it had read all of it, and will say why.
            self._broken = True

    def answer(self, method: str, seconds: float) -> Response:
        """Wait for the answer; no pause in it may take more than `seconds`."""
        self._socket.settimeout(seconds)
        response = Response(self._socket, method)
        try:
            response.begin()
        except BaseException:
            response.close()
            raise
        self._broken = self._broken or response.will_close
        return response

    @property
    def is_used_up(self) -> bool:
        """Whether no further request can be sent, once the answer has been read."""
        return self._broken

    @property
    def is_stale(self) -> bool:
        """Whether something came while nothing was asked: the end, most likely."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _status(stream: BinaryIO) -> tuple[str, int, str]:
    try:
        line = headers.line(stream)
    except IncompleteRead as cut:
        if cut.partial:
            raise
        raise RemoteDisconnected("the connection was closed without an answer") from None
    version, _, rest = line.partition(" ")
    code, _, reason = rest.partition(" ")
    if not (version.startswith("HTTP/1.") and len(code) == _DIGITS and code.isascii() and code.isdigit()):
        raise BadStatusLine(line[:100])
    return version, int(code), reason.strip()


def _head(method: str, target: str, host: str, fields: Mapping[str, str], body: Body | None) -> bytes:
    lines = [f"{method} {_printable(target)} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    if isinstance(body, bytes):
        lines.append(f"Content-Length: {len(body)}")
    text = "\r\n".join([*lines, "", ""])
    if text.count("\r") != len(lines) + 1 or text.count("\n") != len(lines) + 1:
        raise ValueError("a header with a line break in it")
    return text.encode("latin-1")


def _printable(target: str) -> str:
    """The path and query as they are, but for what no request may have in it (a space, an umlaut)."""
    return target if _PLAIN.fullmatch(target) else quote(target, safe="".join(map(chr, range(33, 127))))
