"""Commands: all of them by name. One is imported when it is asked for, since most runs are of one command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from mirror.cli.command import Command, Group


class Commands(Mapping[str, Command | Group]):
    """Commands of one package by name, in the order of `--help`."""

    def __init__(self, package: str, places: Mapping[str, tuple[str, str]]) -> None:
        """Each at the place of its name: the module in the package, and what it is called there."""
        self._package = package
        self._places = places

    def __getitem__(self, name: str) -> Command | Group:
        """The command. KeyError for a name that none has."""
        module, attribute = self._places[name]
        found: Command | Group = getattr(import_module(f"{self._package}.{module}"), attribute)
        return found

    def __contains__(self, name: object) -> bool:
        """Whether one has this name; imports nothing."""
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)


PROGRAM = Group(
    "Keep the images of a GitLab Container Registry pullable from Google when GitLab is down.",
    Commands(
        __package__,
        {
            "sync": ("sync", "SYNC"),
            "copy": ("copy", "COPY"),
            "push": ("push", "PUSH"),
            "check": ("check", "CHECK"),
            "run": ("run", "RUN"),
            "status": ("status", "STATUS"),
            "retry": ("status", "RETRY"),
            "list": ("listing", "LIST"),
            "demo": ("demo", "DEMO"),
            "config": ("config", "CONFIG"),
            "setup": ("setup", "SETUP"),
            "kubernetes": ("kubernetes", "KUBERNETES"),
        },
    ),
)
