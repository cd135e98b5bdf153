"""Client: one HTTP exchange, over pooled connections, with deadlines; answers are small, streams are not."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError, NameResolutionError

import mirror
from mirror.errors import (
    ConfigError,
    ConnectFailed,
    ConnectionBroken,
    MirrorError,
    TimedOut,
    TooLong,
    TransportError,
)
from mirror.events import Observe, Requested
from mirror.transport import redact
from mirror.transport.breaker import Breaker

# A listing of 10,000 tags at Google has about 5 MB; nothing that is read whole has more than this.
MAX_BODY = 64 * 1024 * 1024
# At DEBUG it writes whole URLs, signed ones too.
logging.getLogger("urllib3").setLevel(logging.INFO)
USER_AGENT = f"gitlab-gcr-mirror/{mirror.__version__}"
# A rest of an answer up to this size is cheaper to read than a new connection is to open.
_WORTH_DRAINING = 64 * 1024
# Origins to keep connections for: the registry, its token service, and where it redirects to.
_MOST_ORIGINS = 16
# Retries are decided in one place only, which is not urllib3.
_ONCE = urllib3.Retry(False, redirect=False)
Body = bytes | Iterable[memoryview]
_Way = urllib3.HTTPConnectionPool | urllib3.PoolManager


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose body has been read. Header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Stream:
    """A response whose body is still arriving; read it with `readinto`, from one thread."""

    status: int
    headers: Mapping[str, str]
    url: str
    _response: urllib3.BaseHTTPResponse = field(repr=False)

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill `buffer` from its start; 0 at the end. Raises ConnectFailed or TimedOut."""
        with _translated(self.url):
            # The body as http.client delivers it: one copy from the socket into our buffer, where
            # urllib3's own `readinto` would allocate the bytes first and copy them again.
            source: Any = self._response._fp  # type: ignore[attr-defined]  # noqa: SLF001
            count: int = source.readinto(buffer)
            return count

    def read(self, most: int = MAX_BODY) -> bytes:
        """The whole body; TooLong when it has more than `most` bytes."""
        with _translated(self.url):
            body = self._response.read(most + 1, decode_content=True)
        if len(body) > most:
            raise TooLong(f"{redact.url(self.url)} answered with more than {most:,} bytes")
        return body


@dataclass(frozen=True, slots=True)
class Timeouts:
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
        self._ca_file = ca_file
        self._connections = connections
        self._timeouts = timeouts or Timeouts()
        self._breaker = breaker
        self._ways: dict[tuple[str, str], _Way] = {}
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

    @contextmanager
    def stream(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None = None
    ) -> Iterator[Stream]:
        """Send, and hand on the answer as it arrives; a body left unread costs the connection."""
        response = self._send(method, url, headers, body)
        try:
            yield Stream(response.status, response.headers, url, response)
        except BaseException:
            response.close()
            raise
        finally:
            _give_back(response)

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None
    ) -> urllib3.BaseHTTPResponse:
        if self._breaker is None:
            return self._request(method, url, headers, body, self._timeouts)
        self._breaker.before(self._probe)
        try:
            response = self._request(method, url, headers, body, self._timeouts)
        except TransportError as error:
            self._breaker.failed(url, str(error), self._probe)
            raise
        if response.status in _BROKEN:
            words = f"{redact.url(url)} answers {response.status}"
            self._breaker.failed(url, words, self._probe)
        else:
            self._breaker.succeeded()
        return response

    def _probe(self, url: str) -> bool:
        """Whether anything answers at `url` that does not say that it is broken."""
        try:
            response = self._request("GET", url, {}, None, _PROBE)
        except MirrorError:
            return False
        response.close()
        response.release_conn()
        return response.status not in _BROKEN

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None, timeouts: Timeouts
    ) -> urllib3.BaseHTTPResponse:
        status, started = 0, time.monotonic()
        try:
            with _translated(url):
                way, target = self._way(url)
                response = way.urlopen(
                    method,
                    target,
                    headers={"User-Agent": USER_AGENT, **headers},
                    body=body,  # type: ignore[arg-type] # memoryviews go to sendall, which takes them
                    redirect=False,
                    retries=_ONCE,
                    preload_content=False,
                    decode_content=False,
                    timeout=_timeout(timeouts),
                )
            status = response.status
            return response
        finally:
            self._observe(Requested(self._registry, method, status, time.monotonic() - started))

    def _way(self, url: str) -> tuple[_Way, str]:
        """What sends a request to `url`, and what to ask it for.

        The way to each origin is found once: to read the proxies out of the environment and to take the URL apart
        again cost more than all the rest of a small request.
        """
        scheme, host, path, query, _ = urlsplit(url)
        way = self._ways.get((scheme, host))
        if way is None:
            with self._lock:
                way = self._ways.setdefault((scheme, host), self._new_way(url))
                if len(self._ways) > _MOST_ORIGINS:
                    del self._ways[next(iter(self._ways))]
        if isinstance(way, urllib3.PoolManager):
            return way, url
        return way, (path or "/") + (f"?{query}" if query else "")

    def _new_way(self, url: str) -> _Way:
        parts = urllib3.util.parse_url(url)
        options: dict[str, Any] = {"maxsize": self._connections}
        proxy = "" if proxy_bypass(parts.host or "") else getproxies().get(parts.scheme or "", "")
        if proxy:
            return urllib3.ProxyManager(proxy, ssl_context=self._tls, **options)
        if parts.scheme == "https":
            return urllib3.HTTPSConnectionPool(parts.host or "", parts.port, ssl_context=self._tls, **options)
        if parts.scheme == "http":
            return urllib3.HTTPConnectionPool(parts.host or "", parts.port, **options)
        raise LocationValueError(f"{parts.scheme} is not a scheme of HTTP")

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._ca_file:
            try:
                context.load_verify_locations(self._ca_file)
            except (OSError, ssl.SSLError) as error:
                raise ConfigError(f"ca_file {self._ca_file} cannot be used: {error}") from error
        return context


@cache
def _timeout(timeouts: Timeouts) -> urllib3.Timeout:
    return urllib3.Timeout(connect=timeouts.connect, read=timeouts.read)


def _give_back(response: urllib3.BaseHTTPResponse) -> None:
    """Return the connection to its pool; a short rest of the answer is read so that it can be used again."""
    source: Any = getattr(response, "_fp", None)
    rest = response.length_remaining
    with suppress(HTTPError, HTTPException, OSError):
        if source is not None and not source.isclosed() and rest is not None and rest <= _WORTH_DRAINING:
            source.read()
    if source is not None and not source.isclosed():
        response.close()
    response.release_conn()


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turn what urllib3, ssl and http.client raise into errors of this program."""
    try:
        yield
    except (HTTPError, HTTPException, OSError, LocationValueError, ValueError) as error:
        raise translate(error, url) from error


def translate(error: Exception, url: str) -> MirrorError:
    """What urllib3, ssl or http.client raised at `url`, as an error of this program."""
    place = redact.url(url)
    late = isinstance(error, (urllib3.exceptions.TimeoutError, TimeoutError))
    # urllib3 counts a connection that is refused, or a name that is unknown, among its time-outs.
    if late and not isinstance(error, urllib3.exceptions.NewConnectionError):
        return TimedOut(f"{place} did not answer in time")
    cause = _root(error)
    if isinstance(error, NameResolutionError):
        return ConnectFailed(f"{place}: the name {urlsplit(url).hostname} does not resolve")
    if isinstance(cause, ssl.SSLCertVerificationError):
        untrusted = ConnectFailed(
            f"{place}: its certificate is not trusted ({cause.verify_message}); name a private CA in ca_file"
        )
        untrusted.temporary = False
        return untrusted
    if isinstance(error, LocationValueError):
        invalid = ConnectFailed(f"{place} is not a URL that can be reached")
        invalid.temporary = False
        return invalid
    never = isinstance(error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.SSLError)
    kind = ConnectFailed if never else ConnectionBroken
    return kind(f"{place}: {redact.detail(_words(cause))}")


def _root(error: BaseException) -> BaseException:
    inner = getattr(error, "reason", None) or error.__cause__ or (error.args[-1] if error.args else None)
    return _root(inner) if isinstance(inner, BaseException) and inner is not error else error


def _words(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
