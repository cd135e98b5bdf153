"""Workers: four bounded pools. Repositories wait for lookups, images for blobs, those for nobody: no deadlock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, Self, TypeVar

from mirror.errors import Stopped

A = TypeVar("A")
B = TypeVar("B")
P = ParamSpec("P")


# Looking at a repository is a request or two; this many at a time keep a slow registry's answers coming.
_REPOSITORIES = 32
# What is asked of one side, and of the other.
_SIDES = 2


class Workers:
    """The threads of the whole program: `images` copies at a time, `blobs` transfers at a time.

    Lookups are as many as all of them on either side, since nothing is copied while a mirror is looked at. What goes to
    one registry is bounded by its gate.
    """

    def __init__(self, images: int, blobs: int) -> None:
        """Both at least 1. Threads start when they are first needed."""
        self.repositories = Pool(_REPOSITORIES, "repository")
        self.lookups = Pool(_SIDES * (images + blobs), "lookup")
        self.images = Pool(images, "image")
        self.blobs = Pool(blobs, "blob")

    def begin_no_more(self) -> None:
        """Images that are being copied may end; what waits is dropped, and whoever comes later meets Stopped."""
        for pool in (self.repositories, self.lookups, self.images):
            pool.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Self:
        """The workers themselves."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let what runs end, and begin nothing more. After Ctrl-C nobody waits: the process is about to end."""
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        for pool in (self.repositories, self.lookups, self.images, self.blobs):
            pool.shutdown(wait=not interrupted, cancel_futures=True)


class Pool(ThreadPoolExecutor):
    """Threads that say Stopped when they take no more work, and that work in the context of whoever gave it."""

    def __init__(self, size: int, name: str) -> None:
        """At most `size` threads."""
        super().__init__(size, thread_name_prefix=name)
        self.size = size
        self.ended = False

    def submit(self, work: Callable[P, A], /, *args: P.args, **kwargs: P.kwargs) -> Future[A]:
        try:
            return super().submit(partial(copy_context().run, work, *args, **kwargs))
        except RuntimeError as error:
            raise Stopped("stopped before the work was begun") from error

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.ended = True
        super().shutdown(wait, cancel_futures=cancel_futures)


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


def spread(pool: Pool, work: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """`work` of every item, side by side, in order; the first error only after all. A single item is done here and now.

    The pool is asked for threads and not for each item: to hand over one costs as much as a small request.
    """
    listed = list(items)
    if len(listed) == 1:
        return [work(listed[0])]
    waiting = deque(enumerate(listed))
    done: dict[int, B] = {}
    failed: dict[int, Exception] = {}

    def go_on() -> None:
        while waiting:
            if pool.ended:
                raise Stopped("stopped before the work was done")
            try:
                number, item = waiting.popleft()
            except IndexError:  # somebody was faster
                return
            try:
                done[number] = work(item)
            except Exception as error:  # noqa: BLE001 - told by whoever called, when the rest is done
                failed[number] = error

    gather(pool.submit(go_on) for _ in range(min(pool.size, len(listed))))
    if failed:
        raise failed[min(failed)]
    return [done[number] for number in range(len(listed))]
