"""`gcr-mirror demo`: the main job, on two embedded registries that need no account."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from mirror.cli.columns import aligned
from mirror.cli.command import Command
from mirror.cli.exits import Exit
from mirror.cli.options import path

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.cli.parser import Parser
    from mirror.events import Copied
    from mirror.sync.report import Report


def demo(keep: Path | None) -> Exit:
    """Mirror real images between two embedded registries, twice, and verify every digest.

    One speaks GitLab's dialect, one speaks Google's. Needs no root, no Docker, no account and no network.
    """
    import tempfile

    from mirror.demo.stage import stage

    with (
        tempfile.TemporaryDirectory(prefix="gcr-mirror-demo-") as temporary,
        stage(keep or path(temporary)) as configuration,
    ):
        return _show(configuration)


def _options(parser: Parser) -> None:
    parser.add_argument(
        "--keep",
        metavar="FOLDER",
        type=path,
        help="Keep the configuration and the registries' data in this folder.",
    )


DEMO = Command(demo, _options)


def _show(configuration: Path) -> Exit:
    from mirror.cli.options import load
    from mirror.cli.passes import sync_all, verified
    from mirror.cli.sync import outcome, summary

    config = load(configuration)
    models = list(config.mirrors)
    print(f"The configuration is {configuration}:\n\n{configuration.read_text(encoding='utf-8')}")
    print("First pass: the target is empty.\n")
    first = sync_all(config, models, dry=False, quiet=False)
    print(table(first))
    print("\nSecond pass: nothing has changed.\n")
    second = sync_all(config, models, dry=False, quiet=False)
    for report in second:
        print(summary(report, dry=False))
    print("\nVerifying every tag at the target: children, configs, layers and signatures.\n")
    verdicts = verified(config, models, second)
    for name, verdict in verdicts:
        print(f"{'ok' if verdict.whole else 'FAILED'}  {name}  {verdict.problem or verdict.digest}")
    print(f"\n{sum(verdict.contents for _, verdict in verdicts)} manifests and blobs are there.")
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
    from mirror.cli.progress import size

    image = max(tags, key=lambda one: one.size)
    copied = image.blobs - image.mounted - image.present
    names = ", ".join(
        sorted(one.tag if len(one.tag) < 30 else f"{one.tag[:16]}...{one.tag[-6:]}" for one in tags)
    )
    counts = (str(count) for count in (copied, image.mounted, image.present))
    return (image.repository, names, image.digest[:19], size(image.size), *counts)
