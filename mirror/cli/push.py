"""`gcr-mirror push`: one image of the local Docker Engine, to every registry on its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mirror.cli.exits import Exit
from mirror.cli.options import AsJson, CaFile, Insecure

if TYPE_CHECKING:
    from mirror.bootstrap.pushes import Deliveries, Delivery
    from mirror.stores.engine import Layer, Watch


class OnPartialFailure(StrEnum):
    """What it means that only some registries took the image."""

    FAIL = "fail"
    WARN = "warn"


def push(
    image: Annotated[
        str, typer.Argument(help="The image in the local Docker Engine, as `docker images` names it.")
    ],
    to: Annotated[
        list[str] | None,
        typer.Option(help="host/path[:tag]; once for each registry. The image's own tag when it has none."),
    ] = None,
    attempts: Annotated[int, typer.Option(min=1, help="How often to try each registry.")] = 5,
    on_partial_failure: Annotated[
        OnPartialFailure,
        typer.Option(help="When some registries did not take the image: end with 1, or with 75."),
    ] = OnPartialFailure.FAIL,
    as_json: AsJson = False,
    insecure: Insecure = None,
    ca_file: CaFile = None,
) -> None:
    """Push one image of the local Docker Engine to several registries, and compare what each of them has.

    A registry that is down keeps nothing from the others. Logins come from the Docker configuration, or, for Google's
    hosts from GCR_MIRROR_TARGET_USERNAME and _PASSWORD (and Application Default Credentials), for any other from
    GCR_MIRROR_SOURCE_USERNAME and _PASSWORD.
    """
    from mirror.bootstrap.pushes import Pusher, targets
    from mirror.events import Event, Retried
    from mirror.stores.engine import Engine

    wanted = targets(image, to or [])
    engine = Engine.connect()
    with _bars(quiet=as_json) as watch:

        def observe(event: Event) -> None:
            if isinstance(event, Retried):
                _say(f"again   {event.registry} in {event.delay:.0f} s: {event.reason}")

        pusher = Pusher(
            lambda target, login: engine.push(image, target, login, watch),
            attempts,
            frozenset(insecure or ()),
            ca_file,
        )
        came = pusher.deliver(image, wanted, observe)
    for delivery in came.all:
        _say(_line(delivery))
    _say(_verdict(came))
    if as_json:
        typer.echo(json.dumps(came.as_json()))
    raise typer.Exit(_exit(came, on_partial_failure))


def _line(delivery: Delivery) -> str:
    if delivery.error is None:
        return f"pushed  {delivery.target} {delivery.digest}"
    from mirror.registries.denials import explain

    known = explain(delivery.error)
    lines = [str(delivery.error), *(str(known).splitlines() if known else [])]
    return f"failed  {delivery.target}: " + "\n        ".join(lines)


def _verdict(came: Deliveries) -> str:
    if came.status == "pushed":
        return f"{len(came.all)} of {len(came.all)} registries have the image, under one digest"
    if came.status == "failed":
        return "the registries have different images" if _some(came) else "no registry has the image"
    (source, *_) = _some(came)
    healed = [
        f"gcr-mirror copy {source.target.name}@{source.digest} {delivery.target}"
        for delivery in came.all
        if delivery.error
    ]
    return "\n        ".join(
        ["partial: a gcr-mirror daemon copies to Google what is missing there; by hand:", *healed]
    )


def _some(came: Deliveries) -> list[Delivery]:
    return [delivery for delivery in came.all if delivery.digest]


def _exit(came: Deliveries, policy: OnPartialFailure) -> Exit:
    if came.status == "pushed":
        return Exit.IN_SYNC
    if came.status == "partial" and policy is OnPartialFailure.WARN:
        return Exit.PARTIAL
    return Exit.FAILED


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


@contextmanager
def _bars(*, quiet: bool) -> Iterator[Watch]:
    """A bar for each layer on a terminal, else nothing: a log wants lines that stay."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        bars: dict[str, TaskID] = {}

        def watch(layer: Layer) -> None:
            if layer.name not in bars:
                bars[layer.name] = progress.add_task(layer.name, total=layer.total)
            progress.update(bars[layer.name], completed=min(layer.position, layer.total), total=layer.total)

        yield watch
