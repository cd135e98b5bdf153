"""`gcr-mirror demo`: the main job, on two embedded registries that need no account."""

from __future__ import annotations

import tempfile
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirror.cli.columns import aligned
from mirror.cli.exits import Exit
from mirror.cli.progress import size
from mirror.events import Copied

if TYPE_CHECKING:
    from mirror.sync.report import Report


def demo(
    keep: Annotated[
        Path | None, typer.Option(help="Keep the configuration and the registries' data in this folder.")
    ] = None,
) -> None:
    """Mirror real images between two embedded registries, twice, and verify every digest.

    One speaks GitLab's dialect, one speaks Google's. Needs no root, no Docker, no account and no network.
    """
    from mirror.demo.stage import stage

    with tempfile.TemporaryDirectory(prefix="gcr-mirror-demo-") as temporary:
        folder = keep or Path(temporary)
        with stage(folder) as configuration:
            raise typer.Exit(_show(configuration))


def _show(path: Path) -> Exit:
    from mirror.cli.options import load
    from mirror.cli.passes import sync_all, verified
    from mirror.cli.sync import outcome, summary

    config = load(path)
    models = list(config.mirrors)
    typer.echo(f"The configuration is {path}:\n\n{path.read_text(encoding='utf-8')}")
    typer.echo("First pass: the target is empty.\n")
    first = sync_all(config, models, dry=False, quiet=False)
    typer.echo(table(first))
    typer.echo("\nSecond pass: nothing has changed.\n")
    second = sync_all(config, models, dry=False, quiet=False)
    for report in second:
        typer.echo(summary(report, dry=False))
    typer.echo("\nVerifying every tag at the target: children, configs, layers and signatures.\n")
    verdicts = verified(config, models, second)
    for name, verdict in verdicts:
        typer.echo(f"{'ok' if verdict.whole else 'FAILED'}  {name}  {verdict.problem or verdict.digest}")
    typer.echo(f"\n{sum(verdict.contents for _, verdict in verdicts)} manifests and blobs are there.")
    copied_again = any(report.copied for report in second)
    broken = not verdicts or not all(verdict.whole for _, verdict in verdicts)
    return Exit.FAILED if copied_again or broken else outcome([*first, *second])


def table(reports: list[Report]) -> str:
    """One row for each image: its tags, the bytes sent, and how its configs and layers got there."""
    rows: list[tuple[str, ...]] = [("REPOSITORY", "TAGS", "DIGEST", "SENT", "COPIED", "MOUNTED", "UNCHANGED")]
    for report in reports:
        images = groupby(sorted(report.copied, key=_image), key=_image)
        rows += [_row(list(tags)) for _, tags in images]
    return aligned(rows)


def _image(copied: Copied) -> tuple[str, str]:
    return copied.repository, copied.digest


def _row(tags: list[Copied]) -> tuple[str, ...]:
    image = max(tags, key=lambda one: one.size)
    copied = image.blobs - image.mounted - image.present
    names = ", ".join(
        sorted(one.tag if len(one.tag) < 30 else f"{one.tag[:16]}...{one.tag[-6:]}" for one in tags)
    )
    counts = (str(count) for count in (copied, image.mounted, image.present))
    return (image.repository, names, image.digest[:19], size(image.size), *counts)
