"""Blob: its bytes on their way from one registry to another, hashed as they pass, never held."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Self

from mirror.errors import ConnectionBroken, DigestMismatch, MirrorError, SizeMismatch
from mirror.events import Moved, Observe
from mirror.oci.content import Open, Reader
from mirror.oci.descriptor import Descriptor
from mirror.transport.clock import Clock
from mirror.transport.limit import Pace
from mirror.transport.retry import Retry

# Large enough that Python's part of the work is small, small enough that 32 of them are little memory.
CHUNK = 256 * 1024
# A layer of this size is worth a larger one, which goes when the layer has gone.
LARGE = 64 * 1024 * 1024
LARGE_CHUNK = 1024 * 1024
_scratch = threading.local()


class SourceFailed(MirrorError):
    """The source gave up while the target was written; `cause` says why. The whole is not tried again."""

    def __init__(self, cause: MirrorError) -> None:
        """Keep the cause; it is what the user hears."""
        super().__init__(str(cause))
        self.cause = cause


class Resuming:
    """A reader that, when its source breaks, opens it again where it broke, until the retries give up.

    Opening is the source's own to retry, so a failure to open ends it: SourceFailed.
    """

    def __init__(self, blob: Descriptor, source: Open, retry: Retry) -> None:
        """`retry` counts failures in a row: every byte that arrives begins the count anew."""
        self._blob = blob
        self._source = source
        self._retry = retry
        self._offset = 0
        self._opened: AbstractContextManager[Reader] | None = None
        self._reader: Reader | None = None

    def __enter__(self) -> Self:
        """Open the source, so that a blob that is not there is known before anything is written."""
        self._reopen()
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._close()

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill `buffer`; 0 at the end of the blob. Raises SourceFailed, or what the last try to read raised."""
        try:
            return self._read(buffer)  # nearly always; a Retry for every chunk would cost more than the chunk
        except MirrorError as error:
            if not error.temporary:
                raise
            return self._retry(lambda: self._read(buffer))

    def _read(self, buffer: memoryview) -> int:
        reader = self._reader or self._reopen()
        try:
            count = reader.readinto(buffer)
        except MirrorError:
            self._close()
            raise
        if count == 0 and self._offset < self._blob.size:
            self._close()
            raise ConnectionBroken(
                f"the source ended {self._blob.digest} at {self._offset:,} of {self._blob.size:,} bytes"
            )
        self._offset += count
        return count

    def _reopen(self) -> Reader:
        self._close()
        try:
            self._opened = self._source(self._offset)
            self._reader = self._opened.__enter__()
        except MirrorError as error:
            self._opened = None
            raise SourceFailed(self._explained(error)) from error
        return self._reader

    def _explained(self, error: MirrorError) -> MirrorError:
        if getattr(error, "status", 0) != 416:
            return error
        # There is nothing behind what was read: the source did not break, it had no more.
        blob = self._blob
        return SizeMismatch(
            f"{blob.digest} has {self._offset:,} bytes and not the {blob.size:,} that are stated"
        )

    def _close(self) -> None:
        opened, self._opened, self._reader = self._opened, None, None
        if opened:
            with ExitStack() as stack:
                stack.push(opened)


def chunks(
    blob: Descriptor, reader: Reader, *, clock: Clock, pace: Pace, observe: Observe
) -> Iterator[memoryview]:
    """The bytes of `blob`, in pieces of one reused buffer.

    The last piece is given out only after the whole has the right length and digest, so a receiver that was
    promised `blob.size` bytes never completes wrong content. Raises SourceFailed.
    """
    buffer = _buffer(blob.size)
    hasher = blob.digest.hasher()
    seen = 0
    while seen < blob.size or not seen:
        clock.check()
        try:
            count = reader.readinto(buffer)
        except SourceFailed:
            raise
        except MirrorError as error:
            raise SourceFailed(error) from error
        hasher.update(buffer[:count])
        seen += count
        if seen >= blob.size:
            _check(blob, seen, hasher.hexdigest())
        if count == 0:
            return
        delay = pace.delay(count, clock.monotonic())
        if delay:
            clock.wait(delay)
        observe(Moved(blob.digest, count, seen, blob.size))
        yield buffer[:count]


def _check(blob: Descriptor, seen: int, found: str) -> None:
    if seen > blob.size:
        raise SourceFailed(
            SizeMismatch(f"{blob.digest} has more than the {blob.size:,} bytes it should have")
        )
    if found != blob.digest.hex:
        raise SourceFailed(
            DigestMismatch(f"the bytes of {blob.digest} hash to {blob.digest.algorithm}:{found}")
        )


def _buffer(size: int) -> memoryview:
    """For most blobs that of this thread; nothing else uses it meanwhile."""
    if size >= LARGE:
        return memoryview(bytearray(LARGE_CHUNK))
    if not hasattr(_scratch, "buffer"):
        _scratch.buffer = bytearray(CHUNK)
    return memoryview(_scratch.buffer)
