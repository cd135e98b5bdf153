"""Connection: HTTP/1.1 over one socket, one exchange after the other; what is small is written in one piece."""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from mirror.transport.incoming import Incoming
from mirror.transport.response import Response
from mirror.transport.timeout import Timeout

Body = bytes | Iterable[memoryview]
# A body up to this size goes out with its headers: one packet, and the registry wakes up once.
_SMALL = 64 * 1024
_PLAIN = re.compile(r"[!-~]*")


class Connection:
    """A socket that speaks HTTP. Not thread-safe; whoever takes it has it alone."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        """`host` is the name (and port) that the requests are for."""
        self._socket = sock
        self._incoming = Incoming(sock)
        self._timeout = Timeout(sock)
        self._host = host
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._broken = False

    def send(
        self, method: str, target: str, fields: Mapping[str, str], body: Body | None, seconds: float
    ) -> None:
        """Write a request; no write of a long body may take more than `seconds`. Raises OSError, ValueError."""
        first = _head(method, target, self._host, fields, body)
        if isinstance(body, bytes) and len(body) <= _SMALL:
            first, body = first + body, None
        if (
            body
        ):  # what is small fits into the socket at once; to set a time for it would be a system call in vain
            self._timeout.set(seconds)
        try:
            self._socket.sendall(first)
            for piece in (body,) if isinstance(body, bytes) else body or ():
                self._socket.sendall(piece)
        except BlockingIOError:
            raise TimeoutError("nothing more was taken in time") from None
        except BrokenPipeError:
            # The registry answered before it had read all of it, and will say why.
            self._broken = True

    def answer(self, method: str, seconds: float) -> Response:
        """Wait for the answer; no pause in it may take more than `seconds`. Raises OSError, Cut, Garbled."""
        self._timeout.set(seconds)
        response = Response(self._incoming, method)
        self._broken = self._broken or response.is_last
        return response

    @property
    def is_used_up(self) -> bool:
        """Whether no further request can be sent, once the answer has been read."""
        return self._broken

    @property
    def is_stale(self) -> bool:
        """Whether something came while nothing was asked: the end, most likely."""
        return not self._incoming.is_empty or bool(self._poll.poll(0))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


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
