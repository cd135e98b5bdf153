"""Settlement: each blob once, whoever wants it, and every failure with those whom it concerns."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from mirror.demo import images
from mirror.errors import MirrorError, NotFound, Stopped
from mirror.events import Outcome
from mirror.oci.content import Open
from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest
from mirror.sync.settlement import Settled, Settlement
from mirror.sync.workers import Workers
from tests.servers.contents import descriptor

BLOB = descriptor(images.layer("one"))
OTHER = descriptor(images.layer("other"))


class Place:
    """A source and a target of which only the names matter; pushing waits for `go` and then does `act`."""

    def __init__(self, path: str, act: Callable[[Descriptor], object] = lambda _: None) -> None:
        self.path = self.name = path
        self.pushed: list[tuple[Digest, tuple[str, ...]]] = []
        self.go = threading.Event()
        self.started = threading.Event()
        self._act = act

    def push(self, blob: Descriptor, source: Open, siblings: Iterable[str] = ()) -> Outcome:
        self.pushed.append((blob.digest, tuple(siblings)))
        self.started.set()
        assert self.go.wait(10)
        self._act(blob)
        return "mounted" if self.pushed[-1][1] else "copied"


@pytest.fixture
def settlement() -> Iterator[Settlement]:
    with Workers(images=1, blobs=8) as workers:
        yield Settlement(workers)


@pytest.fixture
def images_pool() -> Iterator[ThreadPoolExecutor]:
    """Who settles is an image worker."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


def settle(settlement: Settlement, source: Any, target: Any, *blobs: Descriptor) -> Callable[[], Settled]:
    return lambda: settlement.settle(source, target, blobs or (BLOB,))


def outcomes(futures: Iterable[Future[Settled]]) -> Counter[str]:
    return Counter(outcome for future in futures for outcome in future.result(10).values())


def fail(_: Descriptor) -> None:
    raise NotFound("it is gone", status=404)


def waiting(settlement: Settlement, source: Any, target: Place, pool: ThreadPoolExecutor, count: int) -> Any:
    """`count` images that want the blob; the first transfer has begun, the others have had time to see it."""
    futures = [pool.submit(settle(settlement, source, target)) for _ in range(count)]
    assert target.started.wait(10)
    threading.Event().wait(0.1)
    return futures


def test_a_blob_is_pushed_once_for_all_who_want_it_at_a_time(
    settlement: Settlement, images_pool: ThreadPoolExecutor
) -> None:
    source, target = Place("source"), Place("target")
    futures = waiting(settlement, source, target, images_pool, 5)
    target.go.set()
    assert outcomes(futures) == {"copied": 1}
    assert len(target.pushed) == 1


def test_a_blob_that_was_settled_is_not_asked_for_again(settlement: Settlement) -> None:
    target = Place("target")
    target.go.set()
    assert settle(settlement, Place("source"), target)() == {BLOB: "copied"}
    assert settle(settlement, Place("source"), target)() == {}
    assert len(target.pushed) == 1


def test_other_repositories_wait_and_then_mount_side_by_side(
    settlement: Settlement, images_pool: ThreadPoolExecutor
) -> None:
    first, others = Place("first"), [Place(f"other{number}") for number in range(3)]
    futures = waiting(settlement, Place("source"), first, images_pool, 1)
    futures += [images_pool.submit(settle(settlement, Place("source"), other)) for other in others]
    threading.Event().wait(0.1)
    assert not any(other.pushed for other in others)
    first.go.set()
    for other in others:
        assert other.started.wait(10), "all of them at once"
    for other in others:
        other.go.set()
    assert outcomes(futures) == {"copied": 1, "mounted": 3}
    assert all(other.pushed == [(BLOB.digest, ("first",))] for other in others)


def test_a_failure_is_that_of_all_who_waited_for_the_same(
    settlement: Settlement, images_pool: ThreadPoolExecutor
) -> None:
    source, target = Place("source"), Place("target", fail)
    futures = waiting(settlement, source, target, images_pool, 5)
    target.go.set()
    assert all(isinstance(future.exception(10), NotFound) for future in futures)
    assert len(target.pushed) == 1


def test_a_failure_does_not_concern_who_reads_from_elsewhere(
    settlement: Settlement, images_pool: ThreadPoolExecutor
) -> None:
    broken, whole = Place("target", fail), Place("another")
    failing = waiting(settlement, Place("source"), broken, images_pool, 1)
    luckier = images_pool.submit(settle(settlement, Place("other source"), whole))
    threading.Event().wait(0.1)
    assert not whole.pushed
    broken.go.set()
    whole.go.set()
    assert luckier.result(10) == {BLOB: "copied"}
    assert isinstance(failing[0].exception(10), NotFound)


def test_what_failed_may_be_tried_again_later(settlement: Settlement) -> None:
    target = Place("target", fail)
    target.go.set()
    for _ in range(2):
        with pytest.raises(NotFound):
            settle(settlement, Place("source"), target)()
    assert len(target.pushed) == 2


def test_an_error_is_raised_only_when_nothing_runs_on_unseen(
    settlement: Settlement, images_pool: ThreadPoolExecutor
) -> None:
    slow = threading.Event()

    def act(blob: Descriptor) -> None:
        if blob == BLOB:
            raise MirrorError("at once")
        assert slow.wait(10)

    target = Place("target", act)
    target.go.set()
    future = images_pool.submit(settle(settlement, Place("source"), target, BLOB, OTHER))
    threading.Event().wait(0.1)
    assert not future.done()
    slow.set()
    assert str(future.exception(10)) == "at once"


def test_what_is_forgotten_is_pushed_again_and_siblings_are_not_believed(settlement: Settlement) -> None:
    target: Any = Place("target")
    target.go.set()
    settle(settlement, Place("source"), target)()
    settlement.forget(target)
    assert settle(settlement, Place("source"), target)() == {BLOB: "copied"}
    assert target.pushed == [(BLOB.digest, ())] * 2


def test_who_comes_when_no_more_is_begun_meets_stopped() -> None:
    with Workers(images=1, blobs=1) as workers:
        settlement = Settlement(workers)
        workers.blobs.shutdown()
        with pytest.raises(Stopped):
            settle(settlement, Place("source"), Place("target"))()
