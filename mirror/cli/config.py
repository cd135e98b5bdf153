"""`gcr-mirror config`: check the configuration, print its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirror.cli import streams
from mirror.cli.command import Command, Group
from mirror.cli.exits import Exit
from mirror.cli.options import config_file, load
from mirror.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.cli.parser import Parser


def check(config: Path, without_secrets: bool) -> Exit:
    """Say what is wrong with the configuration, with line numbers; contacts nobody."""
    try:
        loaded = load(config, secrets=not without_secrets)
    except ConfigError as error:
        # As linters print it, so that editors find the lines: without the program's name before it.
        streams.tell(str(error))
        return Exit.USAGE
    print(f"{config}: ok, registries: {len(loaded.registries)}, mirrors: {len(loaded.mirrors)}")
    return Exit.IN_SYNC


def schema() -> Exit:
    """Print the JSON Schema of the configuration, for editors."""
    from mirror.config.json_schema import schema_text

    streams.write(schema_text())
    return Exit.IN_SYNC


def _check_options(parser: Parser) -> None:
    config_file(parser)
    parser.add_argument(
        "--without-secrets", action="store_true", help="The secrets are elsewhere: do not look for them."
    )


CONFIG = Group(
    "Check the configuration, print its schema.",
    {"check": Command(check, _check_options), "schema": Command(schema)},
)
