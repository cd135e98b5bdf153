"""Faults: what a registry can be told to do wrong, request by request.

    registry.faults.add(too_many(retry_after="2"), method="GET", path="/manifests/", times=3)

An effect stands between a request and its answer: it may answer itself, change the answer, break the
connection, or first do something else.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mirror.demo.messages import Aborted, Answer, Effect, File, Request, Response, json_answer, refusal


@dataclass(frozen=True, slots=True)
class Fault:
    """`effect` on requests whose method and target (path?query) match, leaving out the first `skip`.

    `times` is how often it happens, None for always.
    """

    effect: Effect
    method: str = ""
    path: str = ""
    skip: int = 0
    times: int | None = 1

    def matches(self, request: Request) -> bool:
        """Whether the request is one of those meant; `method` is one, or several with `|`."""
        meant = not self.method or request.method in self.method.split("|")
        return meant and re.search(self.path, request.target) is not None


class Faults:
    """The faults of one server, in the order in which they were added; the first stands outermost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._met: dict[Fault, int] = {}

    def add(
        self, effect: Effect, method: str = "", path: str = "", *, skip: int = 0, times: int | None = 1
    ) -> Fault:
        """Put a fault in place."""
        fault = Fault(effect, method, path, skip, times)
        with self._lock:
            self._met[fault] = 0
        return fault

    def remove(self, fault: Fault) -> None:
        """Take one away."""
        with self._lock:
            self._met.pop(fault, None)

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._met.clear()

    def happened(self, fault: Fault) -> int:
        """How often the fault has happened: a test asserts that it did."""
        with self._lock:
            return max(0, min(self._met[fault] - fault.skip, fault.times or self._met[fault]))

    def apply(self, request: Request, answer: Answer) -> Response:
        """The answer, after all faults that are due."""
        for fault in reversed(list(self._due(request))):
            answer = partial(fault.effect, request, answer)
        return answer()

    def _due(self, request: Request) -> Iterable[Fault]:
        with self._lock:
            for fault in self._met:
                if fault.matches(request):
                    self._met[fault] += 1
                    turn = self._met[fault] - fault.skip
                    if turn > 0 and (fault.times is None or turn <= fault.times):
                        yield fault


def answer_with(response: Response) -> Effect:
    """This answer instead of the real one."""
    return lambda _request, _answer: response


def too_many(retry_after: str | None = None) -> Effect:
    """429; `retry_after` is seconds or an HTTP date, None sends no such header."""
    response = refusal(
        429, "TOOMANYREQUESTS", "Quota exceeded for quota metric 'Requests per project per user'"
    )
    return answer_with(response if retry_after is None else response.having(Retry_After=retry_after))


def unavailable(status: int = 503, retry_after: str | None = None) -> Effect:
    """A problem of the registry itself, with a page of HTML as proxies send it."""
    response = Response(status, {"Content-Type": "text/html"}, b"<html><h1>Service Unavailable</h1></html>")
    return answer_with(response if retry_after is None else response.having(Retry_After=retry_after))


def refuse(status: int, code: str = "DENIED", message: str = "requested access is denied") -> Effect:
    """An error of the distribution specification: 401 or 403 at a token endpoint or a mount."""
    return answer_with(refusal(status, code, message))


def reset() -> Effect:
    """RST instead of an answer."""

    def effect(_request: Request, _answer: Answer) -> Response:
        raise Aborted

    return effect


def reset_upload(after: int) -> Effect:
    """RST once `after` bytes of the request's body have arrived; nothing of it is kept."""

    def effect(request: Request, _answer: Answer) -> Response:
        while request.body.taken < after and request.body.read(after - request.body.taken):
            pass
        raise Aborted

    return effect


def cut(after: int, *, reset: bool = False, stated: bool = True) -> Effect:
    """The body ends after `after` bytes: by RST or a plain close, with or without Content-Length."""
    return lambda _request, answer: replace(answer(), cut=after, reset=reset, stated=stated)


def without_length() -> Effect:
    """No Content-Length: the body ends where the connection does."""
    return lambda _request, answer: replace(answer(), stated=False)


def wrong_bytes() -> Effect:
    """As many bytes as promised, but the last one is another."""

    def effect(_request: Request, answer: Answer) -> Response:
        response = answer()
        body = _bytes(response)
        return replace(response, body=body[:-1] + bytes([body[-1] ^ 1])) if body else response

    return effect


def wrong_digest(digest: str = "sha256:" + "0" * 64) -> Effect:
    """A Docker-Content-Digest that does not belong to the body."""
    return lambda _request, answer: answer().having(Docker_Content_Digest=digest)


def headers(**values: str) -> Effect:
    """Other headers on an otherwise good answer: a `Link` to another host or a `Location`."""
    return lambda _request, answer: answer().having(**values)


def redirect(url: str, status: int = 307) -> Effect:
    """Send the client to `url`; `{path}` in it stands for the path that was asked for."""

    def effect(request: Request, _answer: Answer) -> Response:
        return Response(status, {"Location": url.replace("{path}", request.path)})

    return effect


def endless_pages(url: str = "") -> Effect:
    """A list that always has a next page: the same again, or `url` (perhaps on another host)."""

    def effect(request: Request, answer: Answer) -> Response:
        return answer().having(Link=f'<{url or request.target}>; rel="next"')

    return effect


def last_page() -> Effect:
    """A list that ends early: no Link, though there is more."""

    def effect(_request: Request, answer: Answer) -> Response:
        response = answer()
        return replace(response, headers={k: v for k, v in response.headers.items() if k != "Link"})

    return effect


def null_tags() -> Effect:
    """`tags: null`, as GitLab answers for a repository without tags."""
    return answer_with(json_answer({"name": "unknown", "tags": None}))


def call(action: Callable[[], object]) -> Effect:
    """Do something before the answer is made: delete a tag, move it, stop another server."""

    def effect(_request: Request, answer: Answer) -> Response:
        action()
        return answer()

    return effect


def crowded(most: int, retry_after: str | None = None, seconds: float = 0.02) -> Effect:
    """429 to whoever comes while `most` requests are being answered; each of those takes `seconds` longer."""
    free = threading.BoundedSemaphore(most)
    refused = too_many(retry_after)

    def effect(request: Request, answer: Answer) -> Response:
        if not free.acquire(blocking=False):
            return refused(request, answer)
        try:
            time.sleep(seconds)
            return answer()
        finally:
            free.release()

    return effect


def hang(until: threading.Event, seconds: float = 60.0) -> Effect:
    """Accept the request and stay silent until the event (`server.stopping`) or so many seconds."""

    def effect(_request: Request, _answer: Answer) -> Response:
        until.wait(seconds)
        raise Aborted(reset=False)

    return effect


def _bytes(response: Response) -> bytes:
    if isinstance(response.body, File):
        with Path(response.body.path).open("rb") as file:
            file.seek(response.body.offset)
            return file.read(response.body.length)
    return response.body
