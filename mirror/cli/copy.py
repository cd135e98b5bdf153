"""`gcr-mirror copy`: one image, between any two registries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mirror.cli.command import Command
from mirror.cli.options import as_json, hosts

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.cli.exits import Exit
    from mirror.cli.parser import Parser


def copy(source: str, target: str, as_json: bool, insecure: list[str], ca_file: Path | None) -> Exit:
    """Copy one image, whole and digest for digest, with its signatures.

    Logins come from the environment (GCR_MIRROR_SOURCE_USERNAME and _PASSWORD, GCR_MIRROR_TARGET_USERNAME and
    _PASSWORD), else from the Docker configuration; at a Google host also from Application Default Credentials.
    """
    from mirror.bootstrap.ends import Ends
    from mirror.cli.passes import copy_one
    from mirror.cli.sync import outcome, summary

    ends = Ends.parse(source, target, insecure=frozenset(insecure), ca_file=ca_file)
    report = copy_one(ends, quiet=as_json)
    print(json.dumps({"mirrors": [report.as_json()]}) if as_json else summary(report, dry=False))
    return outcome([report])


def _options(parser: Parser) -> None:
    parser.add_argument("source", help="host/path:tag or host/path@digest.")
    parser.add_argument("target", help="host/path[:tag]; the source's tag when none is given.")
    as_json(parser)
    hosts(parser)


COPY = Command(copy, _options)
