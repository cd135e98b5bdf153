"""Server: the socket under the web application, and its few threads."""

from __future__ import annotations

import socket
import threading
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from mirror.errors import ConfigError

# Enough for probes, a scraper and a few people; each is a thread's memory.
_THREADS = 4


class Server:
    """Answers on one address from its creation until `stop`."""

    def __init__(self, app: Flask, listen: str) -> None:
        """Take the address `host:port`; port 0 means a free one. Raises ConfigError when it cannot be had."""
        taken = _bind(listen)
        self.port: int = taken.getsockname()[1]
        self._map: dict[int, Any] = {}
        settings: Any = {"sockets": [taken], "threads": _THREADS, "ident": None, "asyncore_use_poll": True}
        self._server: Any = create_server(app, map=self._map, **settings)
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the sockets and end the threads."""
        # First the workers, which wake the loop when they are done; then the loop, in its own thread: waitress is
        # not made to be closed from another one.
        self._server.task_dispatcher.shutdown()
        self._server.trigger.pull_trigger(lambda: wasyncore.close_all(self._map, ignore_all=True))
        self._thread.join(5)


def _bind(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    fix = "write host:port of a free port"
    # The range is looked at here: the resolver would wrap a larger number round.
    if not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"service.listen: {listen} has no port; {fix}")
    try:
        found = socket.getaddrinfo(host.strip("[]") or None, int(port), type=socket.SOCK_STREAM)
        return socket.create_server(found[0][4][:2], family=found[0][0], backlog=64)
    except OSError as error:
        raise ConfigError(f"service.listen: {listen} cannot be used ({error}); {fix}") from error
