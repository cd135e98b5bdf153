"""`gcr-mirror config`: check the configuration, print its schema."""

from __future__ import annotations

import json

import typer

from mirror.cli.options import ConfigFile, load

app = typer.Typer(
    no_args_is_help=True, help="Check the configuration, print its schema.", rich_markup_mode=None
)


@app.command()
def check(config: ConfigFile) -> None:
    """Say what is wrong with the configuration, with line numbers; contacts nobody."""
    loaded = load(config)
    typer.echo(f"{config}: ok, {len(loaded.registries)} registries, {len(loaded.mirrors)} mirrors")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from mirror.config import schema as describe

    typer.echo(json.dumps(describe(), indent=2))
