"""Server: HTTP/1.1 on a free loopback port, with a log of its requests and control over its sockets."""

from __future__ import annotations

import re
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from mirror.demo.faults import Faults
from mirror.demo.listener import Listener
from mirror.demo.messages import Aborted, Request, Response, Seen, refusal


class Server(ABC):
    """Starts on entry (or `start`), stops on exit (or `close`); `answer` is the part of each registry."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        self.tls = tls
        self.address = address
        self.faults = Faults()
        self.stopping = threading.Event()
        self.problems: list[Exception] = []
        self.connections = 0
        self._seen: list[Seen] = []
        self._lock = threading.Lock()
        self._busy = self._busiest = 0
        self._listener: Listener | None = None
        self._port = 0

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """What the registry says, faults aside."""

    def start(self) -> Self:
        """Listen on a free port, or again on the one before after `pause`."""
        self._listener = Listener(self, self.address, self._port)
        self._port = int(self._listener.server_address[1])
        self._listener.start()
        return self

    def pause(self) -> None:
        """Refuse connections and break the open ones, until `start`."""
        if self._listener is not None:
            self._listener.stop()
            self._listener = None

    def close(self) -> None:
        """Stop, and wait for the threads that still answer."""
        self.stopping.set()
        self.pause()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: object, *_: object) -> None:
        """Stop; an error inside the server would otherwise pass as a 500 that a client retried."""
        self.close()
        if self.problems and kind is None:
            raise self.problems[0]

    @property
    def host(self) -> str:
        """`address:port`."""
        if not self._port:
            raise RuntimeError("the server has no port before it is started")
        return f"{self.address}:{self._port}"

    @property
    def url(self) -> str:
        """`http://address:port`, no slash at the end."""
        return f"{'https' if self.tls else 'http'}://{self.host}"

    @property
    def running(self) -> bool:
        """Whether connections are accepted."""
        return self._listener is not None

    @property
    def requests(self) -> tuple[Seen, ...]:
        """All requests so far, oldest first."""
        return tuple(self._seen)

    @property
    def busiest(self) -> int:
        """The most requests that were being answered at one time."""
        return self._busiest

    def forget(self) -> None:
        """Begin the log anew, and the count of connections."""
        self._seen.clear()
        self.connections = 0

    def count(self, method: str = "", path: str = "", status: int | None = None) -> int:
        """How many requests of the log have this method, a path with this pattern, and this status."""
        return sum(
            (not method or seen.method == method)
            and re.search(path, seen.path) is not None
            and status in (None, seen.status)
            for seen in self.requests
        )

    def respond(self, request: Request) -> Response:
        """The answer with its faults, logged before it is sent."""
        with self._counted():
            try:
                response = self.faults.apply(request, lambda: self.answer(request))
            except (Aborted, OSError):
                self._seen.append(request.seen(0))
                raise
            except Exception as error:  # noqa: BLE001 - kept, and raised when the server is left
                self.problems.append(error)
                response = refusal(500, "UNKNOWN", f"error of the embedded registry: {error!r}")
        self._seen.append(request.seen(response.status))
        return response

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._busy += 1
            self._busiest = max(self._busiest, self._busy)
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1
