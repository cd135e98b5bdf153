"""Client: one HTTP exchange, over pooled connections, with deadlines; answers are small, streams are not."""

import os
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import mirror
from mirror.errors import MirrorError, TransportError
from mirror.events import Observe, Requested
from mirror.transport import redact
from mirror.transport.answer import MAX_BODY, Answer, Stream
from mirror.transport.breaker import Breaker
from mirror.transport.connection import Body
from mirror.transport.failures import FOREIGN, translate, unreachable
from mirror.transport.pool import Origin, Pool, Proxy
from mirror.transport.trust import Trust

USER_AGENT = f"gitlab-gcr-mirror/{mirror.__version__}"
# Origins to keep connections for: the registry, its token service, and where it redirects to.
_MOST_ORIGINS = 16


class Timeouts(NamedTuple):
    """Seconds: to connect (and to send one chunk), and between two pieces of an answer."""

    connect: float = 15.0
    read: float = 60.0


# A probe asks for little and does not wait long.
_PROBE = Timeouts(connect=5.0, read=10.0)
# What a registry answers when the trouble is its own, and not of what was asked for.
_BROKEN = frozenset({500, 502, 503, 504})


class Client:
    """HTTP on behalf of one registry: to its host, its token service and wherever it redirects to."""

    def __init__(
        self,
        registry: str,
        *,
        observe: Observe,
        ca_file: str | None = None,
        connections: int = 64,
        timeouts: Timeouts | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        """`registry` names the host in events; `ca_file` is trusted beside the system's authorities.

        With a `breaker`, requests raise CircuitOpen while the registry is known to be down.
        """
        self._registry = registry
        self._observe = observe
        self._trust = Trust(ca_file)
        self._connections = connections
        self._timeouts = timeouts or Timeouts()
        self._breaker = breaker
        self._pools: dict[tuple[str, str], Pool] = {}
        self._lock = threading.Lock()

    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        most: int = MAX_BODY,
    ) -> Answer:
        """Send, and read the answer whole. Raises TransportError; any status is an answer."""
        with self.stream(method, url, headers, body) as stream:
            return Answer(stream.status, stream.headers, stream.read(most), url)

    def stream(self, method: str, url: str, headers: Mapping[str, str], body: Body | None = None) -> Stream:
        """Send, and hand on the answer as it arrives; whoever takes it closes it."""
        if self._breaker is None:
            return self._request(method, url, headers, body, self._timeouts)
        self._breaker.before(self._probe)
        try:
            stream = self._request(method, url, headers, body, self._timeouts)
        except TransportError as error:
            self._breaker.failed(url, str(error), self._probe)
            raise
        if stream.status in _BROKEN:
            self._breaker.failed(url, f"{redact.url(url)} answers {stream.status}", self._probe)
        else:
            self._breaker.succeeded()
        return stream

    def _probe(self, url: str) -> bool:
        """Whether anything answers at `url` that does not say that it is broken."""
        try:
            with self._request("GET", url, {}, None, _PROBE) as stream:
                return stream.status not in _BROKEN
        except MirrorError:
            return False

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None, timeouts: Timeouts
    ) -> Stream:
        status, started = 0, time.monotonic()
        try:
            stream = self._exchanged(method, url, headers, body, timeouts)
            status = stream.status
            return stream
        finally:
            self._observe(Requested(self._registry, method, status, time.monotonic() - started))

    def _exchanged(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None, timeouts: Timeouts
    ) -> Stream:
        pool, target = self._way(url)
        try:
            connection = pool.take(timeouts.connect)
        except FOREIGN as error:
            raise translate(error, url, connected=False) from error
        try:
            fields = {"User-Agent": USER_AGENT, **pool.headers, **headers}
            connection.send(method, target, fields, body, timeouts.connect)
            response = connection.answer(method, timeouts.read)
        except FOREIGN as error:
            connection.close()
            raise translate(error, url, connected=True) from error
        except BaseException:
            connection.close()
            raise
        return Stream(url, response, connection, pool)

    def _way(self, url: str) -> tuple[Pool, str]:
        """What sends a request to `url`, and what to ask it for.

        The way to each origin is found once: to read the proxies out of the environment, and to take a URL apart, cost
        more than all the rest of a small request.
        """
        scheme, _, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        pool = self._pools.get((scheme, authority)) if slash and "#" not in path else None
        if pool:
            return pool, pool.target(f"/{path}")
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise unreachable(url) from error
        pool = self._pool(parts)
        path = parts.path or "/"
        return pool, pool.target(f"{path}?{parts.query}" if parts.query else path)

    def _pool(self, parts: SplitResult) -> Pool:
        with self._lock:
            pool = self._pools.get(parts[:2]) or self._new_pool(parts)
            self._pools[parts[:2]] = pool
            if len(self._pools) > _MOST_ORIGINS:
                del self._pools[next(iter(self._pools))]
        return pool

    def _new_pool(self, parts: SplitResult) -> Pool:
        try:
            origin = Origin.of(parts)
            proxy = _proxy(origin)
            return Pool(origin, Proxy.of(proxy) if proxy else None, self._trust, self._connections)
        except ValueError as error:
            raise unreachable(parts.geturl()) from error


def _proxy(origin: Origin) -> str:
    """The URL of the proxy that the environment names for `origin`, empty where it names none."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - slow; few are behind a proxy

    return "" if proxy_bypass(origin.host) else getproxies().get(origin.scheme, "")
