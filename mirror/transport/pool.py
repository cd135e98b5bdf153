"""Pool: the connections to one origin, straight or through a proxy, and those that are free for the next request."""

import base64
import socket
import weakref
from collections import deque
from typing import NamedTuple, Self, cast
from urllib.parse import SplitResult, unquote, urlsplit

from mirror.transport.connection import Connection
from mirror.transport.trust import Trust

_PORTS = {"http": 80, "https": 443}
_OK = 200


class Origin(NamedTuple):
    """A scheme, a host and a port (RFC 6454); `authority` is the two latter as a request names them."""

    scheme: str
    host: str
    port: int
    authority: str

    @classmethod
    def of(cls, parts: SplitResult) -> Self:
        """The origin of a URL. Raises ValueError for one that has none."""
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("no scheme of HTTP, or no host")
        authority = parts.netloc.rpartition("@")[2]
        return cls(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], authority)

    @property
    def address(self) -> tuple[str, int]:
        """Where to connect to. Python looks a name up as bytes, too, and then loads no tables of Unicode first."""
        host = (
            cast("str", self.host.encode()) if self.host.isascii() else self.host
        )  # typeshed knows names only
        return host, self.port

    @property
    def is_tls(self) -> bool:
        """Whether what is said there is encrypted."""
        return self.scheme == "https"


class Proxy:
    """What stands between; `login` is the value of Proxy-Authorization, empty for none."""

    __slots__ = ("login", "origin")

    def __init__(self, origin: Origin, login: str = "") -> None:
        """As `of` reads it."""
        self.origin = origin
        self.login = login

    @classmethod
    def of(cls, url: str) -> Self:
        """As `http_proxy` and `https_proxy` name it. Raises ValueError."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        login = ""
        if parts.username is not None:
            both = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            login = "Basic " + base64.b64encode(both.encode()).decode()
        return cls(Origin.of(parts), login)

    @property
    def headers(self) -> dict[str, str]:
        """What it has to be told with a request."""
        return {"Proxy-Authorization": self.login} if self.login else {}


class Pool:
    """Thread-safe. Hands out the connection that was used last; opens one where none is free."""

    def __init__(self, origin: Origin, proxy: Proxy | None, trust: Trust, keep: int) -> None:
        """At most `keep` connections stay open while nobody uses them."""
        self._origin = origin
        self._proxy = proxy
        self._trust = trust
        self._free: deque[Connection] = deque()
        self._keep = keep
        weakref.finalize(self, _close, self._free)

    @property
    def headers(self) -> dict[str, str]:
        """What goes with every request: the login at a proxy that reads them."""
        return {} if self._proxy is None or self._origin.is_tls else self._proxy.headers

    def target(self, path: str) -> str:
        """What a request line names: a proxy that reads it wants the whole URL (RFC 9112, 3.2.2)."""
        if self._proxy is None or self._origin.is_tls:
            return path
        return f"http://{self._origin.authority}{path}"

    def take(self, seconds: float) -> Connection:
        """A connection, for this thread alone; to open one may take so long. Raises OSError, Garbled."""
        while True:
            try:
                connection = self._free.pop()
            except IndexError:
                return Connection(self._opened(seconds), self._origin.authority)
            if not connection.is_stale:
                return connection
            connection.close()

    def give_back(self, connection: Connection) -> None:
        """It is free again, and its answer has been read."""
        if connection.is_used_up or len(self._free) >= self._keep:
            connection.close()
        else:
            self._free.append(connection)

    def _opened(self, seconds: float) -> socket.socket:
        first = self._proxy.origin if self._proxy else self._origin
        opened = socket.create_connection(first.address, seconds)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if first.is_tls:
                opened = self._trust.context.wrap_socket(opened, server_hostname=first.host)
            if self._proxy and self._origin.is_tls:
                opened = self._through(opened, self._proxy, seconds)
        except BaseException:
            opened.close()
            raise
        return opened

    def _through(self, opened: socket.socket, proxy: Proxy, seconds: float) -> socket.socket:
        """A tunnel to the origin, and TLS in it (RFC 9110, 9.3.6)."""
        host = f"[{self._origin.host}]" if ":" in self._origin.host else self._origin.host
        there = f"{host}:{self._origin.port}"
        way = Connection(opened, there)
        way.send("CONNECT", there, proxy.headers, None, seconds)
        answer = way.answer("CONNECT", seconds)
        if answer.status != _OK:
            said = f"{answer.status} {answer.reason}".strip()
            raise OSError(f"the proxy {proxy.origin.authority} answers to CONNECT: {said}")
        opened.settimeout(seconds)  # TLS keeps time by Python's clock; `way` kept it by the kernel's
        if not proxy.origin.is_tls:
            return self._trust.context.wrap_socket(opened, server_hostname=self._origin.host)
        from urllib3.util.ssltransport import SSLTransport  # noqa: PLC0415 - for TLS within TLS only

        return cast("socket.socket", SSLTransport(opened, self._trust.context, self._origin.host))


def _close(free: deque[Connection]) -> None:
    while free:
        free.pop().close()
