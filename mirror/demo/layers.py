"""Blob: configs and layers made from seeds, their bytes made anew each time they are read."""

from __future__ import annotations

import hashlib
import json
import random
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import zstandard

from mirror.oci.descriptor import OCI_LAYER
from mirror.oci.digest import Digest

DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_STEP = 1024 * 1024

Compression = Literal["gzip", "zstd", "none"]


@dataclass(frozen=True)
class Blob:
    """A config or layer: what its descriptor says, and its bytes, made anew each time they are read.

    `content` is the tar (or any other bytes) before compression, in pieces.
    """

    media_type: str
    seed: str
    size_inside: int
    compression: Compression = "none"
    fixed: bytes | None = None

    def chunks(self) -> Iterator[bytes]:
        """The bytes, in pieces of about a mebibyte."""
        content = self._content()
        if self.compression == "gzip":
            # Bytes that do not compress are only wrapped, which is ten times as fast.
            yield from _gzipped(content, level=6 if self.fixed or self.size_inside < _STEP else 0)
        elif self.compression == "zstd":
            yield zstandard.ZstdCompressor(level=3).compress(b"".join(content))
        else:
            yield from content

    def _content(self) -> Iterator[bytes]:
        return iter([self.fixed]) if self.fixed is not None else _tar(self.seed, self.size_inside)

    @cached_property
    def _measured(self) -> tuple[Digest, int]:
        return _measure(self.chunks())

    @cached_property
    def diff_id(self) -> Digest:
        """The digest of a layer before compression, as an image's config lists it."""
        return _measure(self._content())[0]

    @property
    def digest(self) -> Digest:
        """The digest of the bytes as they are kept."""
        return self._measured[0]

    @property
    def size(self) -> int:
        """Their number."""
        return self._measured[1]

    @property
    def descriptor(self) -> dict[str, Any]:
        """As a manifest lists it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


def layer(seed: str, size: int = 2000, compression: Compression = "gzip", *, docker: bool = False) -> Blob:
    """A layer with one file of `size` bytes that do not compress."""
    suffix = {"gzip": "+gzip", "zstd": "+zstd", "none": ""}[compression]
    return Blob(DOCKER_LAYER if docker else OCI_LAYER + suffix, seed, size, compression)


def json_blob(media_type: str, document: Mapping[str, Any]) -> Blob:
    """A small blob of JSON."""
    raw = json.dumps(document, separators=(",", ":")).encode()
    return Blob(media_type, "", len(raw), fixed=raw)


def _tar(seed: str, size: int) -> Iterator[bytes]:
    """A tar of one file, never whole in memory."""
    entry = tarfile.TarInfo(f"srv/{hashlib.sha256(seed.encode()).hexdigest()[:12]}.bin")
    entry.size = size
    yield entry.tobuf(tarfile.PAX_FORMAT)
    numbers = random.Random(seed)  # noqa: S311 - the point is that it can be made again
    for start in range(0, size, _STEP):
        yield numbers.randbytes(min(_STEP, size - start))
    yield b"\0" * (-size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)


def _gzipped(content: Iterable[bytes], level: int) -> Iterator[bytes]:
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)  # 31: a gzip header, and no time in it
    for piece in content:
        yield packer.compress(piece)
    yield packer.flush()


def _measure(chunks: Iterable[bytes]) -> tuple[Digest, int]:
    hasher, size = hashlib.sha256(), 0
    for chunk in chunks:
        hasher.update(chunk)
        size += len(chunk)
    return Digest(f"sha256:{hasher.hexdigest()}"), size
