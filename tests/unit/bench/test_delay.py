"""The delaying proxy hands on every byte, in order, and none of them early."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time


def test_bytes_arrive_in_order_and_not_before_their_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        words = [sys.executable, "-m", "bench.delay", f"127.0.0.1:{server.getsockname()[1]}", "20"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as proxy:
            assert proxy.stdout
            host, _, port = proxy.stdout.readline().strip().partition(":")
            with socket.create_connection((host, int(port)), timeout=10) as client:
                walls = [_asked(client, text) for text in (b"first", b"second" * 10_000)]
            proxy.kill()
    assert walls[0] >= 0.08, "a handshake, there and back"
    assert walls[1] >= 0.04, "there and back"


def _asked(client: socket.socket, text: bytes) -> float:
    began = time.monotonic()
    client.sendall(text)
    got = b""
    while len(got) < len(text):
        got += client.recv(65536)
    assert got == text
    return time.monotonic() - began


def _echo(server: socket.socket) -> None:
    far, _ = server.accept()
    with far:
        while data := far.recv(65536):
            far.sendall(data)
