"""Workers work in the context of whoever gave them the work, so that what they do is known to be his."""

from __future__ import annotations

from contextvars import ContextVar

from mirror.sync.workers import Workers


def test_work_is_done_in_the_context_of_whoever_gave_it() -> None:
    whose = ContextVar("whose", default="nobody's")
    with Workers(images=1, blobs=1) as workers:
        workers.images.submit(str).result()
        workers.blobs.submit(str).result()  # the threads are there already
        whose.set("the pass's")

        def deep() -> str:
            return workers.blobs.submit(whose.get).result()

        assert workers.images.submit(deep).result() == "the pass's"
