"""Listener: the sockets of a server, and the threads that read requests from them and write answers."""

from __future__ import annotations

import fcntl
import socket
import socketserver
import struct
import termios
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import parse_qs

from mirror.demo.messages import Aborted, Body, File, Request, Response

if TYPE_CHECKING:
    from mirror.demo.server import Server

_RESET = struct.pack("ii", 1, 0)  # linger for zero seconds: close() sends RST
_SMALL = 64 * 1024
_GOODBYE = 1.0  # seconds in which a client may still send what nobody will read


class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """The listening socket and the connections that came from it."""

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, owner: Server, address: str, port: int) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__((address, port), _Connection)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._changed:
            for connection in self._open:
                _shut(connection)
            self._changed.wait_for(lambda: not self._open, timeout=10)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.owner.connections += 1  # only this thread accepts
        if self.owner.tls is not None:
            # The handshake happens in the connection's own thread, with its first read.
            connection = self.owner.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        with self._changed:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) != _RESET:
            _shut(request, socket.SHUT_WR)
        self.close_request(request)

    def close_request(self, request: Any) -> None:
        request.close()
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Connection(BaseHTTPRequestHandler):
    """Reads requests of one connection and writes their answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener
    connection: socket.socket

    def handle_one_request(self) -> None:
        self.close_connection = True
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        request = self._request()
        try:
            response = self.server.owner.respond(request)
            self._send(request, response)
        except Aborted as abort:
            self._break(reset=abort.reset)
            return
        if not request.body.done:
            self._drain(request.body)

    def _request(self) -> Request:
        path, _, query = self.path.partition("?")
        # Go sends a list (Accept) as several headers of one name.
        headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in set(self.headers)}
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        body = Body(
            cast("BinaryIO", self.rfile), None if chunked else int(headers.get("content-length", "0"))
        )
        values = {name: tuple(found) for name, found in parse_qs(query, keep_blank_values=True).items()}
        return Request(self.command, path, values, headers, body, self.path)

    def _send(self, request: Request, response: Response) -> None:
        body = b"" if request.method == "HEAD" else response.body
        head = self._head(request, response)
        length = len(body) if isinstance(body, bytes) else body.length
        if response.cut is not None:
            length = min(length, response.cut)
        if isinstance(body, bytes) and length <= _SMALL:
            self.connection.sendall(head + body[:length])
        elif isinstance(body, bytes):
            self.connection.sendall(head)
            self.connection.sendall(memoryview(body)[:length])
        else:
            self.connection.sendall(head)
            self._send_file(body, length)
        if response.cut is not None:
            raise Aborted(reset=response.reset)

    def _head(self, request: Request, response: Response) -> bytes:
        lines = [f"HTTP/1.1 {response.status} {_phrase(response.status)}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        if response.stated and "Content-Length" not in response.headers and response.status not in (204, 304):
            lines.append(f"Content-Length: {response.length}")
        if not response.stated or not request.body.short:
            self.close_connection = True
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send_file(self, file: File, length: int) -> None:
        if not length:
            return  # sendfile refuses to send nothing
        with file.path.open("rb") as content:
            self.connection.sendfile(content, file.offset, length)

    def _drain(self, body: Body) -> None:
        """Take in what is left of a body that nobody read: closing before that could cost the answer."""
        if self.close_connection:
            _shut(self.connection, socket.SHUT_WR)
            self.connection.settimeout(_GOODBYE)
        end = time.monotonic() + _GOODBYE
        while body.read() and (not self.close_connection or time.monotonic() < end):
            pass

    def _break(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            _flush(self.connection)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def handle(self) -> None:
        """Serve the connection; a client that breaks it ends it."""
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the library
        """The log is `Server.requests`."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _shut(connection: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    try:
        # An SSL socket would first have to say goodbye; the one below it need not.
        socket.socket.shutdown(connection, how)
    except OSError:
        return


def _flush(connection: socket.socket) -> None:
    """Wait until the client's side has taken what was sent: RST throws the rest away."""
    for _ in range(200):
        waiting = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
        if not waiting:
            return
        time.sleep(0.005)
