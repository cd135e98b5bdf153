"""Timeout: how long a socket waits before it gives up."""

from __future__ import annotations

import socket
import struct


class Timeout:
    """The longest wait of one read or write. Where there is no TLS the kernel keeps it.

    Python's own asks the kernel whether a socket is ready before each read and write, and lets the interpreter go
    twice. With the kernel's, a read waits on its own and ends with BlockingIOError (EAGAIN, socket(7)).
    """

    def __init__(self, sock: socket.socket) -> None:
        """Of a socket that has Python's, from when it was opened."""
        self._socket = sock
        self._seconds: float | None = None
        self._is_kernels = is_plain(sock)
        if self._is_kernels:
            sock.settimeout(None)

    def set(self, seconds: float) -> None:
        """From now on."""
        if seconds == self._seconds:
            return
        self._seconds = seconds
        if not self._is_kernels:
            self._socket.settimeout(seconds)
            return
        whole, part = divmod(max(seconds, 0.001), 1)  # 0 would be for ever
        interval = struct.pack("@ll", int(whole), int(part * 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, interval)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, interval)


def is_plain(sock: socket.socket) -> bool:
    """Whether what is read from it is what the kernel received, without TLS in between."""
    return type(sock) is socket.socket
