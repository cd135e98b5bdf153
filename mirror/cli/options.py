"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mirror.config.model import Config

ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config", "-c", envvar="GCR_MIRROR_CONFIG", help="The configuration file.", show_default=False
    ),
]
Insecure = Annotated[
    list[str] | None,
    typer.Option(help="Reach this host by plain http; loopback is reached so anyway.", metavar="HOST"),
]
CaFile = Annotated[
    Path | None, typer.Option(help="PEM file of a private certificate authority.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, on stdout.")]


def load(path: Path, *, secrets: bool = False) -> Config:
    """The checked configuration; with `secrets`, its secrets too. Raises ConfigError with every finding."""
    import os

    from mirror.config import load as read

    return read(path, os.environ, secrets=secrets)
