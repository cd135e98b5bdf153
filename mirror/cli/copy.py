"""`gcr-mirror copy`: one image, between any two registries."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from mirror.cli.options import AsJson, CaFile, Insecure


def copy(
    source: Annotated[str, typer.Argument(help="host/path:tag or host/path@digest.", show_default=False)],
    target: Annotated[
        str, typer.Argument(help="host/path[:tag]; the source's tag when none is given.", show_default=False)
    ],
    as_json: AsJson = False,
    insecure: Insecure = None,
    ca_file: CaFile = None,
) -> None:
    """Copy one image, whole and digest for digest, with its signatures.

    Logins come from the environment (GCR_MIRROR_SOURCE_USERNAME and _PASSWORD, GCR_MIRROR_TARGET_USERNAME and
    _PASSWORD), else from the Docker configuration; at a Google host also from Application Default Credentials.
    """
    from mirror.bootstrap.ends import Ends
    from mirror.cli.passes import copy_one
    from mirror.cli.sync import outcome, summary

    ends = Ends.parse(source, target, insecure=frozenset(insecure or ()), ca_file=ca_file)
    report = copy_one(ends, quiet=as_json)
    typer.echo(json.dumps({"mirrors": [report.as_json()]}) if as_json else summary(report, dry=False))
    raise typer.Exit(outcome([report]))
