"""Request and Response: what passes between a connection and the registry behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

CHUNK = 256 * 1024
# As Go's server: so much of a body that nobody read is taken in to keep the connection.
WORTH_DRAINING = 256 * 1024
_SECRET = {"private-token", "cookie", "proxy-authorization"}


class Aborted(Exception):
    """The connection is to break now, without an answer; with `reset` by RST, else by a plain close."""

    def __init__(self, *, reset: bool = True) -> None:
        super().__init__("the connection breaks here on purpose")
        self.reset = reset


class Body:
    """The body of a request, read as it arrives. `length` is None for a chunked one."""

    def __init__(self, stream: BinaryIO, length: int | None) -> None:
        self._stream = stream
        self._chunked = length is None
        self._left = length or 0
        self.done = length == 0
        self.taken = 0

    def read(self, size: int = CHUNK) -> bytes:
        """Up to `size` bytes, b"" at the end. Raises ConnectionError when the client stops half way."""
        if self._left == 0 and not self.done:
            self._next_chunk()
        if self.done:
            return b""
        data = cast("Any", self._stream).read1(min(size, self._left))
        if not data:
            raise ConnectionError("the client closed in the middle of a body")
        self._left -= len(data)
        self.taken += len(data)
        self._settle()
        return bytes(data)

    @property
    def short(self) -> bool:
        """Whether what is left of it is known to be little."""
        return self.done or (not self._chunked and self._left <= WORTH_DRAINING)

    def all(self, limit: int) -> bytes | None:
        """The whole body, or None when it is longer than `limit`."""
        parts = bytearray()
        while data := self.read():
            parts += data
            if len(parts) > limit:
                return None
        return bytes(parts)

    def _settle(self) -> None:
        if self._left:
            return
        if self._chunked:
            self._stream.readline()
        else:
            self.done = True

    def _next_chunk(self) -> None:
        line = self._stream.readline(100).partition(b";")[0].strip()
        if not line:
            raise ConnectionError("the client closed between two chunks")
        self._left = int(line, 16)
        if self._left == 0:
            while self._stream.readline(65537).strip():
                pass
            self.done = True


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` is still percent-encoded; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    body: Body
    target: str

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    def number(self, name: str, default: int) -> int:
        """A query parameter as a number; `default` when it is missing or none."""
        text = self.first(name)
        return int(text) if text.isdecimal() else default

    def seen(self, status: int) -> Seen:
        """What the log keeps of it."""
        headers = {name: _without_secret(name, value) for name, value in self.headers.items()}
        return Seen(self.method, self.path, self.query, headers, status)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request of the log: no secret in its headers; `status` is 0 when it was left without an answer."""

    method: str
    path: str
    query: Mapping[str, tuple[str, ...]]
    headers: Mapping[str, str]
    status: int


@dataclass(frozen=True, slots=True)
class File:
    """A part of a file, sent without being read into memory."""

    path: Path
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. A HEAD request gets the same without the body.

    `cut` breaks the connection after so many bytes of the body (with RST when `reset`); without `stated`
    there is no Content-Length and the end of the connection is the end of the body.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | File = b""
    cut: int | None = None
    reset: bool = False
    stated: bool = True

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.body.length if isinstance(self.body, File) else len(self.body)

    def having(self, **headers: str) -> Response:
        """The same with more headers; `Docker_Content_Digest="…"` sets `Docker-Content-Digest`."""
        added = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **added})


# Answers a request, and what stands between a request and its answer.
Answer = Callable[[], Response]
Effect = Callable[[Request, Answer], Response]


def json_answer(value: Any, status: int = 200, content_type: str = "application/json") -> Response:
    """`value` as JSON; digests are written as the texts that they are."""
    return Response(status, {"Content-Type": content_type}, msgspec.json.encode(value, enc_hook=str))


def refusal(status: int, code: str, message: str, detail: Any = None) -> Response:
    """An error in the form of the distribution specification."""
    error: dict[str, Any] = {"code": code, "message": message}
    if detail is not None:
        error["detail"] = detail
    return json_answer({"errors": [error]}, status)


def _without_secret(name: str, value: str) -> str:
    if name == "authorization":
        return value.partition(" ")[0] + " ***"
    return "***" if name in _SECRET else value
