"""Workers: three bounded pools. Repositories wait for images, images for blobs, blobs for nobody: no deadlock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Self, TypeVar

from mirror.errors import Stopped

A = TypeVar("A")
B = TypeVar("B")


# Looking at a repository is a request or two; this many at a time keep a slow registry's answers coming.
_REPOSITORIES = 16


class Workers:
    """The threads of the whole program: `images` copies at a time, `blobs` transfers at a time."""

    def __init__(self, images: int, blobs: int) -> None:
        """Both at least 1. Threads start when they are first needed."""
        self.repositories = ThreadPoolExecutor(_REPOSITORIES, thread_name_prefix="repository")
        self.images = ThreadPoolExecutor(images, thread_name_prefix="image")
        self.blobs = ThreadPoolExecutor(blobs, thread_name_prefix="blob")

    def __enter__(self) -> Self:
        """The workers themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let what runs end, and begin nothing more."""
        for pool in (self.repositories, self.images, self.blobs):
            pool.shutdown(wait=True, cancel_futures=True)


def gather(futures: Iterable[Future[A]]) -> list[A]:
    """All results, after every future has ended; raises the first error only then, so nothing runs on unseen."""
    waiting = list(futures)
    wait(waiting)
    if any(future.cancelled() for future in waiting):
        raise Stopped("stopped before the work was done")
    errors = [error for error in (future.exception() for future in waiting) if error]
    if errors:
        raise errors[0]
    return [future.result() for future in waiting]


def spread(pool: ThreadPoolExecutor, work: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """`work` of every item, side by side, in order. A single item is done here and now."""
    listed = list(items)
    if len(listed) == 1:
        return [work(listed[0])]
    return gather([pool.submit(work, item) for item in listed])
