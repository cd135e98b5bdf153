"""Bytes on their way: hashed as they pass, resumed where they broke, never completed when they are wrong."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import (
    ConnectFailed,
    Denied,
    DigestMismatch,
    MirrorError,
    NotFound,
    RegistryError,
    SizeMismatch,
    Stopped,
)
from mirror.events import Event, Moved, ignore
from mirror.oci.blob import CHUNK, LARGE, LARGE_CHUNK, Resuming, SourceFailed, chunks
from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest
from mirror.transport.clock import Clock
from mirror.transport.limit import Pace
from mirror.transport.retry import Policy, Retry
from tests.servers.waiting import Instant

DATA = bytes(range(256)) * 4096


def described(data: bytes = DATA, size: int | None = None, algorithm: str = "sha256") -> Descriptor:
    return Descriptor("layer", Digest.of(data, algorithm), len(data) if size is None else size)


class Broken:
    """A source whose n-th opening gives so many bytes and then ends, or fails with an error."""

    def __init__(
        self, data: bytes, *breaks: int | MirrorError, at_opening: MirrorError | None = None
    ) -> None:
        self.offsets: list[int] = []
        self.closed = 0
        self._data = data
        self._breaks = list(breaks)
        self._at_opening = at_opening
        self._left: int | MirrorError = 0
        self._at = 0

    @contextmanager
    def open(self, offset: int) -> Iterator[Broken]:
        self.offsets.append(offset)
        if self._at_opening and len(self.offsets) > 1:
            raise self._at_opening
        self._at = offset
        self._left = self._breaks.pop(0) if self._breaks else len(self._data)
        try:
            yield self
        finally:
            self.closed += 1

    def readinto(self, buffer: memoryview, /) -> int:
        if isinstance(self._left, MirrorError):
            raise self._left
        count = min(len(buffer), self._left, len(self._data) - self._at)
        buffer[:count] = self._data[self._at : self._at + count]
        self._at += count
        self._left -= count
        return count


def resuming(source: Broken, blob: Descriptor | None = None, policy: Policy | None = None) -> Resuming:
    return Resuming(blob or described(), source.open, Retry("r", policy or Policy(), Instant(), ignore))


def read(reader: Resuming, size: int = 10_000) -> bytes:
    buffer, found = memoryview(bytearray(size)), bytearray()
    while count := reader.readinto(buffer):
        found += buffer[:count]
    return bytes(found)


class TestResuming:
    def test_a_whole_source_is_opened_once(self) -> None:
        source = Broken(DATA)
        with resuming(source) as reader:
            assert read(reader) == DATA
        assert (source.offsets, source.closed) == ([0], 1)

    def test_it_is_opened_again_where_it_ended(self) -> None:
        source = Broken(DATA, 1000, 0, 5000)
        with resuming(source) as reader:
            assert read(reader) == DATA
        assert source.offsets == [0, 1000, 1000, 6000]
        assert source.closed == 4

    def test_it_is_opened_again_where_it_failed(self) -> None:
        source = Broken(DATA, 1000, ConnectFailed("reset"), 5000)
        with resuming(source) as reader:
            assert read(reader) == DATA

    @given(st.lists(st.integers(0, 40_000), max_size=12))
    def test_wherever_it_breaks_the_bytes_are_the_same(self, breaks: list[int]) -> None:
        source = Broken(DATA[:300_000], *breaks)
        patient = Policy(attempts=20)
        with resuming(source, described(DATA[:300_000]), patient) as reader:
            assert read(reader) == DATA[:300_000]

    def test_it_gives_up_when_nothing_comes_any_more(self) -> None:
        source = Broken(DATA, 1000, *[0] * 100)
        with resuming(source) as reader, pytest.raises(ConnectFailed, match=r"ended sha256:\w+ at 1,000 of"):
            read(reader)
        assert len(source.offsets) <= 2 + Policy().attempts

    def test_every_byte_begins_the_count_anew(self) -> None:
        source = Broken(DATA[:1000], *[10] * 99)
        with resuming(source, described(DATA[:1000])) as reader:
            assert read(reader) == DATA[:1000]
        assert len(source.offsets) == 100

    def test_a_failure_to_open_is_not_retried_here_since_opening_was(self) -> None:
        source = Broken(DATA, 1000, at_opening=ConnectFailed("gone"))
        with resuming(source) as reader, pytest.raises(SourceFailed) as raised:
            read(reader)
        assert source.offsets == [0, 1000]
        assert str(raised.value.cause) == "gone"

    def test_an_error_that_stays_is_raised_at_once(self) -> None:
        source = Broken(DATA, 1000, Denied("no"))
        with resuming(source) as reader, pytest.raises(Denied):
            read(reader)
        assert source.offsets == [0, 1000]

    def test_a_source_that_has_no_more_is_told_by_its_sizes(self) -> None:
        source = Broken(DATA, at_opening=RegistryError("range", status=416))
        with resuming(source, described(size=len(DATA) + 5)) as reader, pytest.raises(SourceFailed) as raised:
            read(reader)
        assert isinstance(raised.value.cause, SizeMismatch)
        assert f"{len(DATA):,}" in str(raised.value)
        assert f"{len(DATA) + 5:,}" in str(raised.value)

    def test_a_blob_that_is_not_there_is_known_before_anything_is_read(self) -> None:
        @contextmanager
        def missing(offset: int) -> Iterator[Broken]:
            raise NotFound("no such blob")
            yield

        with (
            pytest.raises(SourceFailed),
            Resuming(described(), missing, Retry("r", Policy(), Instant(), ignore)),
        ):
            pass


def passed(
    blob: Descriptor, data: bytes, told: Callable[[Event], None] = ignore, pace: Pace | None = None
) -> bytes:
    """What a receiver gets of `data` that is said to be `blob`."""
    source = Broken(data)
    with source.open(0) as reader:
        pieces = chunks(blob, reader, clock=Instant(), pace=pace or Pace(None), observe=told)
        return b"".join(bytes(piece) for piece in pieces)


class TestChunks:
    @pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_right_bytes_pass(self, size: int, algorithm: str) -> None:
        data = DATA[:size]
        assert passed(described(data, algorithm=algorithm), data) == data

    def test_an_empty_blob_passes(self) -> None:
        assert passed(described(b""), b"") == b""

    @pytest.mark.parametrize("at", [0, CHUNK, len(DATA) - 1])
    def test_wrong_bytes_never_pass_whole(self, at: int) -> None:
        wrong = bytearray(DATA)
        wrong[at] ^= 1
        received = bytearray()

        def receive() -> None:
            with Broken(bytes(wrong)).open(0) as reader:
                for piece in chunks(described(), reader, clock=Instant(), pace=Pace(None), observe=ignore):
                    received.extend(piece)

        with pytest.raises(SourceFailed) as raised:
            receive()
        assert isinstance(raised.value.cause, DigestMismatch)
        assert len(received) < len(DATA)
        assert hashlib.sha256(wrong).hexdigest() in str(raised.value)

    @pytest.mark.parametrize("more", [1, 1000])
    def test_more_bytes_than_stated_are_refused(self, more: int) -> None:
        with pytest.raises(SourceFailed) as raised:
            passed(described(DATA[:-more]), DATA)
        assert isinstance(raised.value.cause, SizeMismatch | DigestMismatch)

    def test_what_is_stated_as_empty_must_be(self) -> None:
        with pytest.raises(SourceFailed):
            passed(described(b""), b"x")

    def test_every_piece_is_told(self) -> None:
        events = list[Event]()
        passed(described(), DATA, events.append)
        assert sum(event.size for event in events if isinstance(event, Moved)) == len(DATA)

    def test_bytes_are_spread_by_the_bandwidth(self) -> None:
        clock = Instant()
        with Broken(DATA).open(0) as reader:
            pace = Pace(len(DATA) / 10)
            list(chunks(described(), reader, clock=clock, pace=pace, observe=ignore))
        assert 7 < sum(clock.waits) <= 10

    def test_a_transfer_ends_between_two_pieces_when_the_program_stops(self) -> None:
        clock = Clock()
        with Broken(DATA).open(0) as reader:
            pieces = chunks(described(), reader, clock=clock, pace=Pace(None), observe=ignore)
            next(pieces)
            clock.stop()
            with pytest.raises(Stopped):
                next(pieces)

    @pytest.mark.parametrize(("size", "pieces"), [(LARGE - 1, LARGE // CHUNK), (LARGE, LARGE // LARGE_CHUNK)])
    def test_a_large_layer_comes_in_larger_pieces(self, size: int, pieces: int) -> None:
        events = list[Event]()
        data = bytes(size)
        assert passed(described(data), data, events.append) == data
        assert [type(event) for event in events] == [Moved] * pieces

    def test_each_thread_has_a_buffer_of_its_own(self) -> None:
        found: list[bool] = []

        def transfer(fill: int) -> None:
            data = bytes([fill]) * (4 * CHUNK)
            found.append(passed(described(data), data) == data)

        threads = [threading.Thread(target=transfer, args=(fill,)) for fill in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [True] * 4
