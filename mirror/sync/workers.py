"""Workers: four bounded pools. Repositories wait for lookups, images for blobs, those for nobody: no deadlock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, ParamSpec, Self, TypeVar

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
            pool.shutdown(wait=False)

    def __enter__(self) -> Self:
        """The workers themselves."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let what runs end, and begin nothing more. After Ctrl-C nobody waits: the process is about to end."""
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        for pool in (self.repositories, self.lookups, self.images, self.blobs):
            pool.shutdown(wait=not interrupted)


class Future(Generic[A]):
    """Work for a thread, and what came of it. That of `concurrent.futures` loads as much as a quarter of a pass."""

    def __init__(self, work: Callable[[], A]) -> None:
        """Not begun yet."""
        self.is_dropped = False
        self.error: BaseException | None = None
        self._work = work
        self._result: A
        self._running = threading.Lock()  # whoever waits for the end, waits for this
        self._running.acquire()

    def run(self) -> None:
        """Do it; to be called once."""
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001 - raised to whoever wants the result
            self.error = error
        self._end()

    def drop(self) -> None:
        """Instead of `run`: it will never be done."""
        self.is_dropped = True
        self.error = Stopped("stopped before the work was done")
        self._end()

    def wait(self) -> None:
        """Until it has ended."""
        with self._running:
            pass

    def result(self) -> A:
        """What it came to, when it has ended; raises what it raised."""
        self.wait()
        if self.error is not None:
            raise self.error
        return self._result

    def _end(self) -> None:
        del self._work  # and all that it holds
        self._running.release()


class Pool:
    """Threads that say Stopped when they take no more work, and that work in the context of whoever gave it."""

    def __init__(self, size: int, name: str) -> None:
        """At most `size` threads; one starts when there is work, and all others have theirs."""
        self.size = size
        self.ended = False
        self._name = name
        self._waiting: deque[Future[Any]] = deque()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._change = threading.Condition()

    def submit(self, work: Callable[P, A], /, *args: P.args, **kwargs: P.kwargs) -> Future[A]:
        """Have it done as soon as a thread is free. Raises Stopped."""
        future = Future(partial(copy_context().run, work, *args, **kwargs))
        with self._change:
            if self.ended:
                raise Stopped("stopped before the work was begun")
            self._waiting.append(future)
            if len(self._waiting) <= self._idle:
                self._change.notify()
            elif len(self._threads) < self.size:
                self._start()
        return future

    def shutdown(self, *, wait: bool = True) -> None:
        """Begin nothing more, and drop what waits; with `wait`, come back when what runs has ended."""
        with self._change:
            self.ended = True
            dropped = list(self._waiting)
            self._waiting.clear()
            self._change.notify_all()
        for future in dropped:
            future.drop()
        for thread in self._threads if wait else ():
            thread.join()

    def _start(self) -> None:
        # A daemon: a pool that nobody shut down does not keep the process alive.
        thread = threading.Thread(target=self._work, name=f"{self._name}_{len(self._threads)}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system allows no more: those that are there go on
            if not self._threads:
                raise Stopped("the system allows no thread to do the work") from error
        else:
            self._threads.append(thread)

    def _work(self) -> None:
        while future := self._next():
            future.run()
            del future  # with its result, which may be large, before the wait for the next

    def _next(self) -> Future[Any] | None:
        """What is to be done next; None at the end."""
        with self._change:
            self._idle += 1
            while not self._waiting and not self.ended:
                self._change.wait()
            self._idle -= 1
            return self._waiting.popleft() if self._waiting else None


def wait(futures: Iterable[Future[Any]]) -> None:
    """Until all of them have ended."""
    for future in futures:
        future.wait()


def gather(futures: Iterable[Future[A]]) -> list[A]:
    """All results, after every future has ended; raises the first error only then, so nothing runs on unseen."""
    waiting = list(futures)
    wait(waiting)
    if any(future.is_dropped for future in waiting):
        raise Stopped("stopped before the work was done")
    errors = [future.error for future in waiting if future.error]
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
