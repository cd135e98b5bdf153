"""Options of several of the Kubernetes commands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from mirror.errors import ConfigError

Mirrors = Annotated[
    list[str] | None,
    typer.Option("--mirror", help="Only this mirror; may be given several times.", show_default=False),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write to this file instead of stdout.", show_default=False),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        help="A service account's JSON key that can only read; for Google hosts.", show_default=False
    ),
]
Username = Annotated[str | None, typer.Option(help="The reader's name; for other hosts.", show_default=False)]
PasswordFile = Annotated[
    Path | None, typer.Option(help="The file with that reader's password.", show_default=False)
]
PullSecretName = Annotated[str, typer.Option(help="The Secret's name.")]
Force = Annotated[bool, typer.Option("--force", help="Even if it is the login that the mirror pushes with.")]

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def named(*names: str, namespaces: Iterable[str] = ()) -> None:
    """Names that Kubernetes takes. ConfigError for any other, before it is in a file that cannot be applied."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{name!r} is no name in Kubernetes: lower-case letters, digits, '-' and '.'")
    for namespace in namespaces:
        if not _NAME.fullmatch(namespace) or "." in namespace or len(namespace) > 63:
            raise ConfigError(f"{namespace!r} is no namespace: at most 63 lower-case letters, digits and '-'")


def user(name: str | None, password_file: Path | None) -> tuple[str, Path] | None:
    """The reader, when it is named in full."""
    if (name is None) != (password_file is None):
        raise ConfigError("--username and --password-file belong together")
    return (name, password_file) if name and password_file else None
