"""Progress: bars on a terminal, a line per image in a log."""

from __future__ import annotations

import io

from rich.console import Console
from rich.progress import Progress

from mirror.cli.progress import LARGE, Bars, line, size
from mirror.events import Copied, Failed, Moved, Planned, Unchanged

COPIED = Copied(
    "shop", "acme/api", "1.0", "src/acme/api@sha256:1", "dst/acme/api:1.0", "sha256:1", 2048, 0.25
)


def bars() -> tuple[Progress, Bars]:
    progress = Progress(console=Console(file=io.StringIO()))
    return progress, Bars(progress)


def test_sizes_are_for_people() -> None:
    assert [size(count) for count in (0, 1023, 1536, 5 << 20, 3 << 30, 2 << 40)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "5.0 MiB",
        "3.0 GiB",
        "2.0 TiB",
    ]


def test_a_copied_image_is_one_line_with_reference_digest_bytes_and_seconds() -> None:
    assert line(COPIED) == "copied  dst/acme/api:1.0 sha256:1 2.0 KiB 0.2s"


def test_a_failure_is_one_line_with_its_reason() -> None:
    failed = Failed(
        "shop", "acme/api", "1.0", "src/acme/api:1.0", "denied", "may not be read", temporary=False
    )
    assert line(failed) == "failed  src/acme/api:1.0: may not be read"


def test_what_is_unchanged_is_no_line() -> None:
    assert line(Unchanged("shop", "acme/api", {"1.0": "sha256:1"})) is None


def test_the_bar_of_all_images_counts_what_was_planned_and_copied() -> None:
    progress, shown = bars()
    shown.observe(Planned("shop", "acme/api", "dst/acme/api", 5, 2))
    shown.observe(Planned("shop", "acme/web", "dst/acme/web", 5, 1))
    shown.observe(COPIED)
    (images,) = progress.tasks
    assert (images.total, images.completed) == (3, 1)


def test_a_large_layer_has_a_bar_until_it_has_arrived() -> None:
    progress, shown = bars()
    shown.observe(Moved("sha256:abc", LARGE // 2, LARGE // 2, LARGE))
    assert [task.completed for task in progress.tasks[1:]] == [LARGE // 2]
    shown.observe(Moved("sha256:abc", LARGE // 2, LARGE, LARGE))
    assert len(progress.tasks) == 1


def test_a_small_layer_has_none() -> None:
    progress, shown = bars()
    shown.observe(Moved("sha256:abc", 10, 10, 10))
    assert len(progress.tasks) == 1
