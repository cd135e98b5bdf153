"""How many connections requests take."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from mirror.bootstrap.connection import connect
from mirror.events import ignore
from mirror.oci.auth import Fixed
from mirror.transport.clock import Clock

BODY = b'{"tags": []}'


class Hesitant(ThreadingHTTPServer):
    """Sends the head of an answer, and its body a little later; counts the connections."""

    def __init__(self) -> None:
        self.connections = 0
        super().__init__(("127.0.0.1", 0), Answers)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        self.connections += 1
        return super().get_request()


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.flush()
        time.sleep(0.02)
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hesitant() -> Iterator[Hesitant]:
    with Hesitant() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_there_are_no_more_connections_than_turns(hesitant: Hesitant) -> None:
    host = f"127.0.0.1:{hesitant.server_address[1]}"
    registry = connect(host, Fixed(), observe=ignore, clock=Clock(), insecure=True, parallel=2)
    with ThreadPoolExecutor(8) as threads:
        bodies = list(threads.map(lambda _: registry.request("GET", "/v2/a/tags/list", ()).body, range(32)))
    assert bodies == [BODY] * 32
    assert hesitant.connections <= 2
