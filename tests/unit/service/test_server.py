"""The socket under the pages: taken, answered on, and given back."""

from __future__ import annotations

import socket
import threading

import pytest
import urllib3

from mirror.errors import ConfigError
from mirror.service.server import Server
from mirror.service.web import create_app
from tests.unit.service.fake_service import Still


def test_it_answers_until_it_is_stopped_and_leaves_no_thread() -> None:
    before = threading.active_count()
    server = Server(create_app(Still()), "127.0.0.1:0")
    with urllib3.PoolManager() as http:
        for _ in range(3):
            assert http.request("GET", f"http://127.0.0.1:{server.port}/healthz").data == b"ok\n"
        server.stop()
    assert threading.active_count() == before
    with socket.create_server(("127.0.0.1", server.port)):
        pass


def test_it_does_not_say_what_software_it_is() -> None:
    server = Server(create_app(Still()), "127.0.0.1:0")
    with urllib3.PoolManager() as http:
        answer = http.request("GET", f"http://127.0.0.1:{server.port}/nowhere")
    server.stop()
    assert answer.status == 404
    assert "Server" not in answer.headers


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:http8", "127.0.0.1:99999", "no such host:80"])
def test_an_address_that_is_none_says_what_to_write(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"service\.listen.*write host:port"):
        Server(create_app(Still()), listen)


def test_a_port_that_is_taken_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"{port} cannot be used .*free port"):
            Server(create_app(Still()), f"127.0.0.1:{port}")
