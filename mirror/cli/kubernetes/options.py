"""Options of several of the Kubernetes commands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mirror.cli.options import mirrors, path
from mirror.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.cli.parser import Parser

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def reader(parser: Parser) -> None:
    """Who pulls: a key of Google's, or a name and a password."""
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        type=path,
        help="A service account's JSON key that can only read; for Google hosts.",
    )
    parser.add_argument("--username", metavar="NAME", help="The reader's name; for other hosts.")
    parser.add_argument(
        "--password-file", metavar="FILE", type=path, help="The file with that reader's password."
    )


def secret_name(parser: Parser) -> None:
    """The pull secret's."""
    parser.add_argument("--name", metavar="NAME", default="gcr-mirror-pull", help="The Secret's name.")


def ends(parser: Parser) -> None:
    """Of which mirrors, whether or not it gives away too much, and where to."""
    mirrors(parser)
    parser.add_argument(
        "--force", action="store_true", help="Even if it is the login that the mirror pushes with."
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=path, help="Write to this file instead of stdout."
    )


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
