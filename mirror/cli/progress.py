"""Progress: what a person sees while images are copied; bars on a terminal, a line per image in a log."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mirror.cli.explanations import Explanations
from mirror.events import Copied, Event, Failed, Kept, Moved, Observe, Planned

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# A layer of this many bytes is worth a bar of its own.
LARGE = 4 * 1024 * 1024


def size(count: float) -> str:
    """Bytes for people: `12.3 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def line(event: Event) -> str | None:
    """The line that a log gets for an event; None for those that are not worth one."""
    match event:
        case Copied():
            return f"copied  {event.target} {event.digest} {size(event.size)} {event.seconds:.1f}s"
        case Kept():
            return f"kept    {event.target}: the tag moved at the source; on_moved_tag is keep"
        case Failed():
            return f"failed  {event.reference or event.mirror}: {event.message}"
        case _:
            return None


@contextmanager
def shown(*, quiet: bool) -> Iterator[Observe]:
    """An observer that shows what happens on stderr: bars where it is a terminal, else lines."""
    explanations = Explanations()
    if quiet or not sys.stderr.isatty():
        yield lambda event: _write(event, explanations)
        return
    with _bars(explanations) as observe:
        yield observe


def _write(event: Event, explanations: Explanations) -> None:
    text = explanations.after(event, line(event))
    if text:
        sys.stderr.write(text + "\n")


@contextmanager
def _bars(explanations: Explanations) -> Iterator[Observe]:
    from rich.console import Console  # only a terminal needs it
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bars = Bars(progress)

        def observe(event: Event) -> None:
            bars.observe(event)
            text = explanations.after(event, line(event))
            if text:
                progress.console.print(text, highlight=False, markup=False, soft_wrap=True)

        yield observe


class Bars:
    """One bar for all images, and one for each large layer that is on its way."""

    def __init__(self, progress: Progress) -> None:
        """Begin without knowing how much there is to do."""
        self._progress = progress
        self._lock = threading.Lock()
        self._images = progress.add_task("images", total=None, amount="looking")
        self._layers: dict[str, TaskID] = {}
        self._wanted = self._done = self._bytes = 0

    def observe(self, event: Event) -> None:
        """Move the bars; called from many threads."""
        with self._lock:
            match event:
                case Planned():
                    self._wanted += event.copies
                case Copied():
                    self._done += 1
                case Moved():
                    self._bytes += event.size
                    self._layer(event)
                case _:
                    return
            amount = f"{self._done}/{self._wanted}, {size(self._bytes)}"
            self._progress.update(
                self._images, total=self._wanted or None, completed=self._done, amount=amount
            )

    def _layer(self, moved: Moved) -> None:
        if moved.total < LARGE:
            return
        if moved.digest not in self._layers:
            self._layers[moved.digest] = self._progress.add_task(
                moved.digest[7:19], total=moved.total, amount=""
            )
        task = self._layers[moved.digest]
        self._progress.update(
            task, completed=moved.position, amount=f"{size(moved.position)} of {size(moved.total)}"
        )
        if moved.position >= moved.total:
            self._progress.remove_task(self._layers.pop(moved.digest))
