"""Digest: the name that content gives itself."""

from __future__ import annotations

import re
from typing import Protocol

from mirror.errors import InvalidManifest

# Registered algorithms of the image specification and the length of their hex part.
ALGORITHMS = {"sha256": 64, "sha512": 128}
_PATTERN = re.compile("|".join(f"{name}:[0-9a-f]{{{length}}}" for name, length in ALGORITHMS.items()))


class Hasher(Protocol):
    """What `hashlib` returns, as far as it is used."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """The hash so far, in hex."""


class Digest(str):
    """`algorithm:hex`, checked once; everywhere else it is a plain string.

    >>> Digest.of(b"{}").short
    '44136fa355b3'
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Check `text`; InvalidManifest when it is no digest of a registered algorithm."""
        if _PATTERN.fullmatch(text) is None:
            raise InvalidManifest(f"{text[:80]!r} is not a digest (sha256:<64 hex> or sha512:<128 hex>)")
        return cls(text)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Digest:
        """The digest of `data`."""
        return cls(f"{algorithm}:{_hash(algorithm, data).hexdigest()}")

    @property
    def algorithm(self) -> str:
        """`sha256` or `sha512`."""
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        """The part after the colon."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """Twelve hex digits, for people."""
        return self.hex[:12]

    def hasher(self) -> Hasher:
        """A fresh hash of this digest's algorithm."""
        return _hash(self.algorithm)

    def matches(self, data: bytes) -> bool:
        """Whether `data` is the content that this digest names."""
        return Digest.of(data, self.algorithm) == self


def _hash(algorithm: str, data: bytes = b"") -> Hasher:
    import hashlib  # noqa: PLC0415 - slow; a pass that finds everything in step hashes nothing

    return hashlib.new(algorithm, data)
