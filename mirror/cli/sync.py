"""`gcr-mirror sync`: one pass over the mirrors."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from mirror.cli import streams
from mirror.cli.command import Command
from mirror.cli.deletions import Foreseen, foresee
from mirror.cli.exits import Exit
from mirror.cli.options import as_json, config_file, load, mirrors
from mirror.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.cli.parser import Parser
    from mirror.config.model import Config
    from mirror.config.model import Mirror as MirrorModel
    from mirror.sync.report import Report


def sync(config: Path, mirror: list[str], dry_run: bool, as_json: bool) -> Exit:
    """Bring every mirror in step, once. What is there already costs a request or two per repository."""
    from mirror.cli.passes import sync_all

    loaded = load(config, secrets=True)
    for model in loaded.mirrors:
        if model.platforms != "all":
            streams.tell(f"{model.name}: platforms is set, so images of several platforms get new digests")
    chosen = _chosen(loaded, mirror)
    reports = sync_all(loaded, chosen, dry=dry_run, quiet=as_json)
    foreseen = [foresee(loaded, model) for model in chosen] if dry_run else []
    if as_json:
        print(json.dumps({"mirrors": _as_json(reports, foreseen)}))
    else:
        for report in reports:
            print(summary(report, dry=dry_run))
        for line in (line for one in foreseen for line in one.lines(time.time())):
            print(line)
    return outcome(reports)


def _options(parser: Parser) -> None:
    config_file(parser)
    mirrors(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="Say what would be copied and what prune would delete, and change nothing.",
    )
    as_json(parser)


SYNC = Command(sync, _options)


def _as_json(reports: list[Report], foreseen: list[Foreseen]) -> list[dict[str, Any]]:
    shown = [report.as_json() for report in reports]
    for mirror, one in zip(shown, foreseen, strict=False):
        mirror["to_be_deleted"] = one.as_json()
    return shown


def summary(report: Report, *, dry: bool) -> str:
    """One line that says what a pass came to."""
    from mirror.cli.progress import size

    found = report.as_json()
    requests = f"{found['requests']['source']} + {found['requests']['target']} requests"
    if dry:
        copies = sum(planned.copies for planned in report.planned)
        work = f"{copies} of {found['tags']} tags would be copied"
    else:
        work = f"{found['copied']} of {found['tags']} tags copied, {size(found['bytes'])} sent"
    kept = f", {found['kept']} kept" if found["kept"] else ""
    return (
        f"{report.mirror}: {work}, {found['unchanged']} unchanged{kept}, {found['failed']} failed "
        f"in {found['repositories']} repositories; {requests}, {found['seconds']:.1f}s"
    )


def outcome(reports: list[Report]) -> Exit:
    """The exit code of these passes together."""
    if any(report.unusable for report in reports):
        return Exit.UNUSABLE
    return Exit.FAILED if any(report.failed for report in reports) else Exit.IN_SYNC


def _chosen(config: Config, names: list[str]) -> list[MirrorModel]:
    known = {model.name: model for model in config.mirrors}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(f"there is no mirror {unknown[0]!r}; the configuration has {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] or list(config.mirrors)
