"""Progress: what a person sees while images are copied; bars on a terminal, a line per image in a log."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mirror.cli.explanations import Explanations
from mirror.events import Copied, Event, Failed, Kept, Moved, Observe, Planned


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
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task, lock = bars.add_task("looking", total=None), threading.Lock()
        wanted = moved = 0

        def observe(event: Event) -> None:
            nonlocal wanted, moved
            with lock:
                match event:
                    case Planned():
                        wanted += event.copies
                        bars.update(task, total=wanted or None)
                    case Moved():
                        moved += event.size
                        bars.update(task, description=f"{size(moved)} in")
                    case Copied():
                        bars.advance(task)
                    case _:
                        pass
            text = explanations.after(event, line(event))
            if text:
                bars.console.print(text, highlight=False, markup=False, soft_wrap=True)

        yield observe
