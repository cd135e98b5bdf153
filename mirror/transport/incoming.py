"""Incoming: what arrives at a socket, as lines while it is the head of an answer, then as bytes."""

from __future__ import annotations

import re
import socket

from mirror.transport.failures import Cut, Garbled
from mirror.transport.timeout import is_plain

# An upload's Location may have thousands of characters; nothing has more than this before its body.
_LONGEST_HEAD = 64 * 1024
# What is longer goes straight into the buffer of whoever wants it, and a pass has 128 connections.
_PIECE = 4 * 1024
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")


class Incoming:
    """Not thread-safe. Every verb may raise OSError."""

    def __init__(self, sock: socket.socket) -> None:
        """`sock` is read from, and nothing else."""
        self._socket = sock
        self._ahead = b""
        # The kernel fills the buffer before it wakes us. TLS reads record by record anyway, and knows no flags.
        self._flags = socket.MSG_WAITALL if is_plain(sock) else 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been read that nobody has taken."""
        return not self._ahead

    def head(self) -> list[str]:
        """The lines up to the next empty one. Raises Cut, Garbled when there is no end of them."""
        while (end := _EMPTY_LINE.search(self._ahead)) is None:
            self._read_more()
        if end.end() > _LONGEST_HEAD:
            raise Garbled("an answer with a head that is too long")
        taken, self._ahead = self._ahead[: end.start()], self._ahead[end.end() :]
        return taken.decode("latin-1").replace("\r\n", "\n").split("\n")

    def line(self) -> str:
        """One line, without its end. Raises Cut, Garbled."""
        while (end := self._ahead.find(b"\n")) < 0:
            self._read_more()
        taken, self._ahead = self._ahead[:end], self._ahead[end + 1 :]
        return taken.decode("latin-1").rstrip("\r")

    def readinto(self, buffer: memoryview) -> int:
        """Some bytes, as many as are there and fit; 0 at the end."""
        if not self._ahead:
            try:
                return self._socket.recv_into(buffer, 0, self._flags)
            except BlockingIOError:
                raise TimeoutError("no more of the answer came in time") from None
        count = min(len(buffer), len(self._ahead))
        buffer[:count] = self._ahead[:count]
        self._ahead = self._ahead[count:]
        return count

    def _read_more(self) -> None:
        if len(self._ahead) > _LONGEST_HEAD:
            raise Garbled("an answer whose head has no end")
        try:
            more = self._socket.recv(_PIECE)
        except BlockingIOError:
            raise TimeoutError("no answer came in time") from None
        if not more:
            raise Cut(
                "the answer was cut off" if self._ahead else "the connection was closed without an answer"
            )
        self._ahead += more
