"""Response: one answer on a connection; where its body ends is worked out here (RFC 9112, 6.3)."""

from __future__ import annotations

import re

from mirror.transport.failures import Cut, Garbled
from mirror.transport.headers import Headers
from mirror.transport.incoming import Incoming

_STATUS = re.compile(r"(HTTP/1\.[0-9]) ([0-9]{3})(?: (.*))?")
_SIZE = re.compile(r"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_EMPTY = frozenset({204, 304})
_PIECE = 64 * 1024


class Response:
    """Its head has been read, its body is still arriving. `left` are bytes; None where its length is not known."""

    def __init__(self, incoming: Incoming, method: str) -> None:
        """Of the request that was sent with `method`. Raises OSError, Cut, Garbled."""
        self._incoming = incoming
        version, self.status, self.reason, lines = _head(incoming)
        while 100 <= self.status < 200:
            version, self.status, self.reason, lines = _head(incoming)
        self.fields = fields = Headers.of(lines)
        self._chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        length = fields.get("content-length", "")
        self.left = int(length) if length.isascii() and length.isdigit() and not self._chunked else None
        if method == "HEAD" or self.status in _EMPTY:
            self.left, self._chunked = 0, False
        self.is_done = self.left == 0
        self._chunk = 0
        wish = fields.get("connection", "").lower()
        endless = self.left is None and not self._chunked
        self.is_last = endless or "close" in wish or (version == "HTTP/1.0" and "keep-alive" not in wish)

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill `buffer` from its start; less only where the body ends, or is cut off. Raises OSError, Garbled."""
        filled = 0
        while filled < len(buffer) and not self.is_done:
            count = self._some(buffer[filled:])
            if count == 0:
                break
            filled += count
        return filled

    def read(self, most: int) -> bytes:
        """The body, no more than `most` bytes of it. Raises OSError, Garbled, and Cut where it ends too early."""
        whole = bytearray()
        while not self.is_done and len(whole) < most:
            if not self._append(whole, min(most - len(whole), _PIECE)):
                break
        if self.left and len(whole) < most:
            raise Cut(f"the answer was cut off: {self.left:,} bytes are missing")
        return bytes(whole)

    def _append(self, whole: bytearray, most: int) -> int:
        """Up to `most` further bytes, read into their place."""
        before = len(whole)
        whole += bytes(most if self.left is None else min(most, self.left))
        with memoryview(whole) as view:
            count = self.readinto(view[before:])
        del whole[before + count :]
        return count

    def _some(self, buffer: memoryview) -> int:
        """Some of it; 0 at the end, also at one that comes too early."""
        if self._chunked:
            return self._some_of_chunk(buffer)
        count = self._incoming.readinto(buffer if self.left is None else buffer[: self.left])
        if self.left is not None:
            self.left -= count
            self.is_done = self.left == 0
        elif count == 0:
            self.is_done = True
        return count

    def _some_of_chunk(self, buffer: memoryview) -> int:
        if self._chunk == 0:
            self._chunk = self._chunk_size()
            if self._chunk == 0:
                while self._incoming.line():  # trailers
                    pass
                self.is_done = True
                return 0
        count = self._incoming.readinto(buffer[: self._chunk])
        if count == 0:
            raise Cut("the answer was cut off within a chunk")
        self._chunk -= count
        if self._chunk == 0 and self._incoming.line():
            raise Garbled("a chunk that does not end where it says")
        return count

    def _chunk_size(self) -> int:
        match = _SIZE.fullmatch(self._incoming.line())
        if match is None:
            raise Garbled("a chunk without a size")
        return int(match[1], 16)


def _head(incoming: Incoming) -> tuple[str, int, str, list[str]]:
    first, *lines = incoming.head()
    match = _STATUS.fullmatch(first)
    if match is None:
        raise Garbled(f"an answer that is not HTTP: {first[:100]!r}")
    return match[1], int(match[2]), (match[3] or "").strip(), lines
