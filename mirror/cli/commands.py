"""Commands: all of them by name. One is imported, and its options are read, when it is asked for.

Most runs are of one command, and reading the options of all takes as long as a request to a registry nearby.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

# Typer keeps its copy of Click to itself, so commands have no public type.
Command = Any

# In the order of `--help`: the module in this package, and the function or group of commands in it.
_PLACES = {
    "sync": ("sync", "sync"),
    "copy": ("copy", "copy"),
    "push": ("push", "push"),
    "check": ("check", "check"),
    "run": ("run", "run"),
    "status": ("status", "status"),
    "retry": ("status", "retry"),
    "list": ("listing", "list_images"),
    "demo": ("demo", "demo"),
    "config": ("config", "app"),
    "setup": ("setup", "app"),
    "kubernetes": ("kubernetes", "app"),
}


class Commands(Mapping[str, Command]):
    """Every command by its name."""

    def __getitem__(self, name: str) -> Command:
        """The command, with its options. KeyError for a name that none has."""
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        """The names, in the order of `--help`."""
        return iter(_PLACES)

    def __len__(self) -> int:
        """How many there are."""
        return len(_PLACES)


class Root(TyperGroup):
    """What stands before the command."""

    def __init__(self, **attributes: Any) -> None:
        """A group as Typer makes it, of the program's commands."""
        super().__init__(**{**attributes, "commands": Commands()})


@cache  # --help asks for each twice
def _command(name: str) -> Command:
    module, attribute = _PLACES[name]
    found = getattr(import_module(f"mirror.cli.{module}"), attribute)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return get_group(alone).commands[name]
