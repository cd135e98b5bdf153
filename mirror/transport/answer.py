"""Answer: what came back, read whole, or as it arrives."""

import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple, Self

from mirror.errors import TooLong
from mirror.transport import redact
from mirror.transport.connection import Connection
from mirror.transport.failures import FOREIGN, Cut, translate
from mirror.transport.pool import Pool
from mirror.transport.response import Response

# A listing of 10,000 tags at Google has about 5 MB; nothing that is read whole has more than this.
MAX_BODY = 64 * 1024 * 1024
# A rest of an answer up to this size is cheaper to read than a new connection is to open.
_WORTH_DRAINING = 64 * 1024
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


class Answer(NamedTuple):
    """A response whose body has been read. Header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Stream:
    """A response whose body is still arriving, for one thread; in a `with` block, its connection is used again."""

    __slots__ = ("_body", "_connection", "_pool", "_response", "headers", "status", "url")

    def __init__(self, url: str, response: Response, connection: Connection, pool: Pool) -> None:
        """`connection` goes back to `pool` when the answer is done with."""
        self.status = response.status
        self.headers: Mapping[str, str] = response.fields
        self.url = url
        self._response = response
        self._connection = connection
        self._pool = pool
        self._body: bytes | None = None

    def keep(self, most: int) -> None:
        """Read the whole body now, so that the connection is free at once. Raises as `read`."""
        with self:
            body = self.read(most)
        self._body = body

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill `buffer` from its start; 0 at the end. Raises ConnectFailed or TimedOut."""
        try:
            return self._response.readinto(buffer)
        except FOREIGN as error:
            raise translate(error, self.url, connected=True) from error

    def read(self, most: int = MAX_BODY) -> bytes:
        """The whole body; TooLong when it has more than `most` bytes."""
        if self._body is not None:
            return self._body
        try:
            body = self._response.read(most + 1)
            if self.headers.get("Content-Encoding") in _PACKED:
                body = _unpacked(body, most + 1)
        except FOREIGN as error:
            raise translate(error, self.url, connected=True) from error
        if len(body) > most:
            raise TooLong(f"{redact.url(self.url)} answered with more than {most:,} bytes")
        return body

    def close(self) -> None:
        """Done with it. A short rest is read, so that the connection can be used again; a long one costs it."""
        if self._body is not None:
            return
        response = self._response
        if response.left is not None and response.left <= _WORTH_DRAINING:
            with suppress(*FOREIGN):
                response.read(_WORTH_DRAINING)
        if response.is_done:
            self._pool.give_back(self._connection)
        else:
            self.abandon()

    def abandon(self) -> None:
        """Close it and its connection, unless somebody else has that by now."""
        if self._body is None:
            self._connection.close()

    def __enter__(self) -> Self:
        """The stream itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Done with it; after an error nobody knows what is still to come."""
        if kind is None:
            self.close()
        else:
            self.abandon()


def _unpacked(packed: bytes, most: int) -> bytes:
    """No more than `most` bytes of it, however much there is. Raises zlib.error, Cut."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # the format is told from the first bytes
    unpacked = unpacker.decompress(packed, most)
    if not unpacker.eof and len(unpacked) < most:
        raise Cut("the answer was cut off: its packed body has no end")
    return unpacked
