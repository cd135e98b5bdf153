"""Passes: runs what `sync`, `copy` and `demo` ask for, watched by a report and by the progress display."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mirror.cli.progress import shown
from mirror.events import Event, Observe, ignore
from mirror.sync.reconcile import Mirror, Pass
from mirror.sync.report import Report
from mirror.sync.verify import Verdict, verify
from mirror.sync.workers import Workers

if TYPE_CHECKING:
    from mirror.bootstrap.ends import Ends
    from mirror.config.model import Config
    from mirror.config.model import Mirror as MirrorModel


# Objects that are made before the next search for cycles, in place of Python's 700.
_BEFORE_COLLECTION = 50_000


@contextmanager
def watched(reports: list[Report], *, quiet: bool) -> Iterator[Observe]:
    """An observer that counts into the last of `reports` and shows what happens."""
    with shown(quiet=quiet) as show:

        def observe(event: Event) -> None:
            reports[-1].observe(event)
            show(event)

        yield observe


def sync_all(config: Config, models: list[MirrorModel], *, dry: bool, quiet: bool) -> list[Report]:
    """One pass over each of the mirrors, one after the other."""
    from mirror.bootstrap.site import Site

    _collect_seldom()
    reports: list[Report] = []
    with watched(reports, quiet=quiet) as observe:
        site = Site(config, observe)
        with site.workers() as workers:
            for model in models:
                source, target = (config.registries[name].host for name in (model.source, model.target))
                reports.append(Report(model.name, source, target))
                _run(site.mirror(model), workers, observe, reports[-1], dry=dry)
    return reports


def copy_one(ends: Ends, *, quiet: bool) -> Report:
    """One image from one end to the other."""
    _collect_seldom()
    reports = [Report(str(ends.target), ends.source.api_host, ends.target.api_host)]
    with watched(reports, quiet=quiet) as observe, Workers(images=8, blobs=16) as workers:
        _run(ends.mirror(observe), workers, observe, reports[0], dry=False)
    return reports[0]


def _collect_seldom() -> None:
    """A pass makes next to no cycles and ends soon: to search for them takes some hundredths of its time."""
    gc.freeze()
    gc.set_threshold(_BEFORE_COLLECTION)


def _run(mirror: Mirror, workers: Workers, observe: Observe, report: Report, *, dry: bool) -> None:
    began = time.monotonic()
    Pass(mirror, workers, observe, datetime.now(UTC), time.monotonic).run(dry=dry)
    report.seconds = time.monotonic() - began


def verified(config: Config, models: list[MirrorModel], reports: list[Report]) -> list[tuple[str, Verdict]]:
    """Every tag that the reports speak of, looked at in full at the target: its reference, and the verdict."""
    from mirror.bootstrap.site import Site

    site = Site(config, ignore)
    found = []
    with site.workers() as workers:
        for model, report in zip(models, reports, strict=True):
            mirror = site.mirror(model)
            for path, tags in report.tags.items():
                target = mirror.target(path)
                found += [(f"{target.name}:{one.tag}", one) for one in verify(target, tags.items(), workers)]
    return found
