"""Workers work in the context of whoever gave them the work, and are asked for no more often than they are many."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from mirror.errors import Stopped
from mirror.sync.workers import Future, Pool, Workers, spread


def test_work_is_done_in_the_context_of_whoever_gave_it() -> None:
    whose = ContextVar("whose", default="nobody's")
    with Workers(images=1, blobs=1) as workers:
        workers.images.submit(str).result()
        workers.blobs.submit(str).result()  # the threads are there already
        whose.set("the pass's")

        def deep() -> str:
            return workers.blobs.submit(whose.get).result()

        assert workers.images.submit(deep).result() == "the pass's"


def test_work_is_spread_over_the_threads_in_order_and_the_first_error_waits_for_the_rest() -> None:
    done = list[int]()

    def work(number: int) -> int:
        if number in {3, 5}:
            raise ValueError(str(number))
        done.append(number)
        return number * number

    with Workers(images=2, blobs=2) as workers:
        assert spread(workers.images, work, [0, 1, 2]) == [0, 1, 4]
        done.clear()
        with pytest.raises(ValueError, match="3"):
            spread(workers.images, work, range(9))
        assert sorted(done) == [0, 1, 2, 4, 6, 7, 8]


def test_what_is_spread_asks_for_no_more_threads_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[object]()
    submit = Pool.submit

    def counted(pool: Pool, work: Callable[[], object]) -> Future[object]:
        asked.append(work)
        return submit(pool, work)

    monkeypatch.setattr(Pool, "submit", counted)
    with Workers(images=3, blobs=1) as workers:
        assert spread(workers.images, str, range(100)) == [str(number) for number in range(100)]
    assert len(asked) == 3


def test_where_the_system_allows_few_threads_these_do_all_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = [True, False, False]
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if not (allowed and allowed.pop(0)):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    with Workers(images=3, blobs=1) as workers:
        assert spread(workers.images, str, range(10)) == [str(number) for number in range(10)]
        with pytest.raises(Stopped, match="no thread"):
            workers.blobs.submit(str)


def test_what_is_not_begun_when_the_pool_ends_is_never_done() -> None:
    done = list[int]()
    with Workers(images=1, blobs=1) as workers:

        def work(number: int) -> None:
            done.append(number)
            workers.begin_no_more()

        with pytest.raises(Stopped):
            spread(workers.images, work, range(9))
    assert done == [0]
