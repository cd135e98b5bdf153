"""`gcr-mirror config`: check the configuration, print its schema."""

from __future__ import annotations

from typing import Annotated

import typer

from mirror.cli.exits import Exit
from mirror.cli.options import ConfigFile, load
from mirror.errors import ConfigError

app = typer.Typer(
    no_args_is_help=True, help="Check the configuration, print its schema.", rich_markup_mode=None
)


@app.command()
def check(
    config: ConfigFile,
    without_secrets: Annotated[
        bool, typer.Option("--without-secrets", help="The secrets are elsewhere: do not look for them.")
    ] = False,
) -> None:
    """Say what is wrong with the configuration, with line numbers; contacts nobody."""
    try:
        loaded = load(config, secrets=not without_secrets)
    except ConfigError as error:
        # As linters print it, so that editors find the lines: without the program's name before it.
        typer.echo(str(error), err=True)
        raise typer.Exit(Exit.USAGE) from error
    typer.echo(f"{config}: ok, registries: {len(loaded.registries)}, mirrors: {len(loaded.mirrors)}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from mirror.config.json_schema import schema_text

    typer.echo(schema_text(), nl=False)
