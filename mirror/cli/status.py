"""`gcr-mirror status` and `gcr-mirror retry`: what the state knows, whether the daemon runs or not."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from mirror.cli import streams
from mirror.cli.command import Command
from mirror.cli.deletions import named
from mirror.cli.exits import Exit
from mirror.cli.options import as_json, config_file, load

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.cli.parser import Parser
    from mirror.service.standing import Mirror, Standing
    from mirror.state.records import TagRecord


def status(config: Path, as_json: bool) -> Exit:
    """Say how the mirrors are: the verdict, each mirror, and every tag that is not in step.

    Reads the state, so it works with the daemon stopped. Exit code 0 when everything is in step, else 1.
    """
    from mirror.bootstrap.standing import read_standing
    from mirror.service.showing import as_json as shown
    from mirror.service.verdict import verdict

    standing = read_standing(load(config), time.time())
    print(json.dumps(shown(standing), indent=2) if as_json else text(standing))
    return Exit.IN_SYNC if verdict(standing).level == "ok" else Exit.FAILED


def _status_options(parser: Parser) -> None:
    config_file(parser)
    as_json(parser)


STATUS = Command(status, _status_options)


def text(standing: Standing) -> str:
    """The standing for people."""
    from mirror.service.verdict import verdict

    lines = [verdict(standing).sentence, ""]
    lines += [_mirror(mirror, standing.now) for mirror in standing.mirrors]
    if standing.behind:
        lines += ["", "Not in step:", *(f"  {_tag(record, standing.now)}" for record in standing.behind)]
    if standing.doomed:
        lines += ["", "To be deleted from the target, because the source no longer has them:"]
        lines += named(standing.doomed, standing.now)
    return "\n".join(lines)


def _mirror(mirror: Mirror, now: float) -> str:
    from mirror.service.showing import duration

    counts = ", ".join(
        f"{count:,} {progress.replace('_', ' ')}" for progress, count in mirror.tags.items() if count
    )
    last = mirror.last_pass
    ended = (
        f"last pass {last.result} {duration(now - last.ended)} ago"
        if last and last.ended
        else "no pass has ended yet"
    )
    frozen = f"; frozen: {mirror.frozen.message}" if mirror.frozen else ""
    behind = f"; behind by {duration(mirror.lag)}" if mirror.lag else ""
    return (
        f"{mirror.name}: {mirror.source} -> {mirror.target}: {counts or 'no tags'}; {ended}{behind}{frozen}"
    )


def _tag(record: TagRecord, now: float) -> str:
    from mirror.service.showing import duration

    name = f"{record.key.mirror}  {record.key.repository}:{record.key.tag}  {record.progress}"
    if record.dead:
        return f"{name}  given up after {record.attempts} tries: {record.message}"
    if record.next_attempt is None:
        return f"{name}  {record.message or ''}".rstrip()
    return f"{name}  next try in {duration(record.next_attempt - now)}: {record.message}"


def retry(config: Path, pattern: str) -> Exit:
    """Try tags again that failed or were given up; the daemon takes them up with its next pass."""
    from mirror.bootstrap.standing import requeue

    names = requeue(load(config), pattern)
    for name in names:
        print(name)
    streams.tell(f"{len(names)} to be tried again")
    return Exit.IN_SYNC


def _retry_options(parser: Parser) -> None:
    config_file(parser)
    parser.add_argument(
        "pattern",
        nargs="?",
        default="**",
        help="Globs: REPOSITORY, or REPOSITORY:TAG such as 'acme/shop/**:1.*'; all that failed otherwise.",
    )


RETRY = Command(retry, _retry_options)
