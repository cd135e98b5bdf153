"""`gcr-mirror push`: one image of the local Docker Engine, to every registry on its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from mirror.cli import streams
from mirror.cli.command import Command
from mirror.cli.exits import Exit
from mirror.cli.options import as_json, at_least, hosts

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.bootstrap.pushes import Deliveries, Delivery
    from mirror.cli.parser import Parser
    from mirror.stores.engine import Layer, Watch

# What it means that only some registries took the image.
OnPartialFailure = Literal["fail", "warn"]


def push(
    image: str,
    to: list[str],
    attempts: int,
    on_partial_failure: OnPartialFailure,
    as_json: bool,
    insecure: list[str],
    ca_file: Path | None,
) -> Exit:
    """Push one image of the local Docker Engine to several registries, and compare what each of them has.

    A registry that is down keeps nothing from the others. Logins come from the Docker configuration, or, for Google's
    hosts from GCR_MIRROR_TARGET_USERNAME and _PASSWORD (and Application Default Credentials), for any other from
    GCR_MIRROR_SOURCE_USERNAME and _PASSWORD.
    """
    from mirror.bootstrap.pushes import Pusher, targets
    from mirror.events import Event, Retried
    from mirror.stores.engine import Engine

    wanted = targets(image, to)
    engine = Engine.connect()
    with _bars(quiet=as_json) as watch:

        def observe(event: Event) -> None:
            if isinstance(event, Retried):
                streams.tell(f"again   {event.registry} in {event.delay:.0f} s: {event.reason}")

        pusher = Pusher(
            lambda target, login: engine.push(image, target, login, watch),
            attempts,
            frozenset(insecure),
            ca_file,
        )
        came = pusher.deliver(image, wanted, observe)
    for delivery in came.all:
        streams.tell(_line(delivery))
    streams.tell(_verdict(came))
    if as_json:
        print(json.dumps(came.as_json()))
    return _exit(came, on_partial_failure)


def _options(parser: Parser) -> None:
    parser.add_argument("image", help="The image in the local Docker Engine, as `docker images` names it.")
    parser.add_argument(
        "--to",
        metavar="TARGET",
        action="append",
        help="host/path[:tag]; once for each registry. The image's own tag when it has none.",
    )
    parser.add_argument(
        "--attempts",
        metavar="NUMBER",
        type=at_least(1),
        default=5,
        help="How often to try each registry; at least 1.",
    )
    parser.add_argument(
        "--on-partial-failure",
        choices=("fail", "warn"),
        default="fail",
        help="When some registries did not take the image: end with 1, or with 75.",
    )
    as_json(parser)
    hosts(parser)


PUSH = Command(push, _options)


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
    if came.status == "partial" and policy == "warn":
        return Exit.PARTIAL
    return Exit.FAILED


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
