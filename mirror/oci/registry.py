"""Registry: authorised, retried, redirected requests to one host; the other words speak through it."""

import threading
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from mirror.errors import Denied, RateLimited, RegistryError, Unauthorized, Unsupported
from mirror.oci.authority import Authority, Scopes
from mirror.oci.codes import error_for
from mirror.transport.addresses import follow
from mirror.transport.answer import MAX_BODY, Answer, Stream
from mirror.transport.client import Client
from mirror.transport.clock import Clock
from mirror.transport.connection import Body
from mirror.transport.limit import Gate, Pace
from mirror.transport.retry import Retry

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5


class Request(NamedTuple):
    """What is asked, of which URL, with which rights, and which statuses are an answer to it.

    `most` bytes of body are read before the turn ends, so that there are no more connections than turns; None for a
    body that arrives while it is used, which may be long.
    """

    method: str
    url: str
    scopes: Scopes = ()
    headers: Mapping[str, str] = MappingProxyType({})
    body: Body | None = None
    accept: Collection[int] = (200,)
    most: int | None = MAX_BODY


class Registry:
    """One registry host. Thread-safe; every repository of the host shares it."""

    def __init__(
        self,
        host: str,
        base: str,
        *,
        client: Client,
        authority: Authority,
        gate: Gate,
        retry: Retry,
        bandwidth: Pace,
        clock: Clock,
    ) -> None:
        """`host` is `name[:port]` as in references, `base` the URL that it answers at."""
        self.host = host
        self.base = base
        self.bandwidth = bandwidth
        self.clock = clock
        self.retry = retry
        self.powers = Powers()
        self._client = client
        self._authority = authority
        self._gate = gate
        self._greeting = threading.Lock()
        self._introduced = False

    def __repr__(self) -> str:
        """The host says it all."""
        return f"<Registry {self.host}>"

    def request(
        self,
        method: str,
        url: str,
        scopes: Scopes,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        accept: Collection[int] = (200,),
        tries: bool = True,
        most: int = MAX_BODY,
    ) -> Answer:
        """The answer, its status one of `accept`; anything else is raised as a RegistryError.

        `url` may be a path. `tries=False` sends once: the caller replays, or does without. A body of more than
        `most` bytes is not read to its end: TooLong.
        """
        request = Request(method, self._at(url), scopes, headers or {}, body, accept, most)

        def once() -> Answer:
            stream = self._open(request)
            return Answer(stream.status, stream.headers, stream.read(), stream.url)

        return self.retry(once) if tries else once()

    def stream(
        self, url: str, scopes: Scopes, *, headers: Mapping[str, str], accept: Collection[int]
    ) -> Stream:
        """The body of a GET as it arrives. Opening it is retried; reading it is the caller's to resume."""
        request = Request("GET", self._at(url), scopes, headers, None, accept, most=None)
        return self.retry(lambda: self._open(request))

    def ping(self, *, tries: bool = True) -> None:
        """One cheap request: is the registry there, and how does it ask for a login? Raises as `request`."""
        self._authority.learn(self.retry(self._greet) if tries else self._greet())

    @property
    def refusal(self) -> Unauthorized | None:
        """Why the credential is refused, None while it is not known to be."""
        return self._authority.refusal

    def forget_refusal(self) -> None:
        """The credential has changed: ask again."""
        self._authority.forget()

    def _open(self, request: Request) -> Stream:
        """One authorised exchange. A 401 is answered once with a new token, never twice."""
        self._learn()
        authorization = self._authority.header(request.scopes)
        stream = self._sent(request, authorization)
        if stream.status == 401 and self._may_retry(request, stream, authorization):
            stream.close()
            authorization = self._authority.header(request.scopes)
            stream = self._sent(request, authorization)
        if stream.status not in request.accept:
            with stream:
                error = self._error(request.method, stream, authorization)
            raise error
        return stream

    def _may_retry(self, request: Request, stream: Stream, authorization: str | None) -> bool:
        replayable = request.body is None or isinstance(request.body, bytes)
        answer = Answer(stream.status, stream.headers, b"", stream.url)
        try:
            return self._authority.reject(request.scopes, authorization, answer) and replayable
        except BaseException:
            stream.abandon()
            raise

    def _sent(self, request: Request, authorization: str | None) -> Stream:
        """Send, and follow redirects of GET and HEAD; the Authorization header stays with its host."""
        url = request.url
        for _ in range(_MOST_REDIRECTS):
            headers = dict(request.headers)
            if authorization and self._is_ours(url):
                headers["Authorization"] = authorization
            with self._gate.turn() as generation:
                stream = self._client.stream(request.method, url, headers, request.body)
                if request.most is not None:
                    stream.keep(request.most if stream.status in request.accept else MAX_BODY)
            self._feel(stream, generation)
            location = stream.headers.get("Location")
            if not location or stream.status not in _REDIRECTS or request.method not in ("GET", "HEAD"):
                return stream
            stream.close()
            url = follow(location, url, request.url)
        raise Unsupported(f"{self.host} redirects more than {_MOST_REDIRECTS} times")

    def _at(self, url: str) -> str:
        """`url` itself, or this registry's when it is a path. Taking it apart would cost more than sending it."""
        return self.base + url if url.startswith("/") else url

    def _is_ours(self, url: str) -> bool:
        return url.startswith(f"{self.base}/") or urlsplit(url)[:2] == urlsplit(self.base)[:2]

    def _feel(self, stream: Stream, generation: int) -> None:
        if stream.status == 429:
            error = error_for("", Answer(429, stream.headers, b"", stream.url))
            self._gate.refused(generation, error.retry_after if isinstance(error, RateLimited) else None)
        elif stream.status < 500:
            self._gate.succeeded()

    def _error(self, method: str, stream: Stream, authorization: str | None) -> RegistryError:
        body = b"" if method == "HEAD" else stream.read()
        error = error_for(method, Answer(stream.status, stream.headers, body, stream.url))
        if not isinstance(error, Unauthorized):
            return error
        reason = error.detail or "no reason given"
        if authorization and authorization.startswith("Bearer"):
            return Denied(f"{error.request}: the token is refused: {reason}", **error.parts)
        if authorization and not self._refuses(authorization):
            return Denied(f"{error.request}: the login is good, but not for this: {reason}", **error.parts)
        who = "the login" if authorization else "anonymous access"
        refusal = Unauthorized(f"{self.host}: {who} is refused: {reason}", **error.parts)
        return self._authority.refuse(refusal, authorization)

    def _learn(self) -> None:
        if self._introduced:
            return
        with self._greeting:
            if not self._introduced:
                self._introduce()

    def _introduce(self) -> None:
        """Find out how to log in, and try a login that goes with every request once, before many use it."""
        self._authority.learn(self._greet())
        basic = self._authority.basic
        refusal = None
        if basic and self._refuses(basic):
            refusal = self._authority.refuse(
                Unauthorized(f"{self.host}: the login is refused", status=401), basic
            )
        # Only now: until the login is tried, everybody else waits.
        self._introduced = True
        if refusal:
            raise refusal

    def _refuses(self, authorization: str) -> bool:
        """Whether the registry lets nobody in with this; a 401 may also be about one repository, or a mount."""
        with self._sent(Request("GET", f"{self.base}/v2/"), authorization) as stream:
            return stream.status == 401

    def _greet(self) -> Answer:
        with self._sent(Request("GET", f"{self.base}/v2/"), None) as stream:
            answer = Answer(stream.status, stream.headers, stream.read(), stream.url)
        if answer.status in (200, 401):
            return answer
        raise error_for("GET", answer)


class Powers:
    """What the registry turned out to be able to do; learned once, shared by its repositories.

    None means "not tried yet". A power that fails is not asked for again in this process.
    """

    MOST_REFUSED_MOUNTS = 3

    def __init__(self) -> None:
        """Nothing is known."""
        self.referrers: bool | None = None
        self.own_list: bool | None = None
        self.refused_mounts = 0
        self.asking = threading.Lock()

    @property
    def mounts(self) -> bool:
        """Whether mounting is still worth a try: some refusals in a row end it."""
        return self.refused_mounts < self.MOST_REFUSED_MOUNTS

    def learn_referrers(self, probe: Callable[[], bool]) -> bool:
        """The answer to "does it list referrers?", by `probe` the first time."""
        if self.referrers is None:
            self.referrers = probe()
        return self.referrers
