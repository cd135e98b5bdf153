"""Options that several commands have."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.cli.parser import Parser
    from mirror.config.model import Config


def config_file(parser: Parser) -> None:
    """The configuration, also by the environment."""
    given = os.environ.get("GCR_MIRROR_CONFIG") or None
    parser.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        type=path,
        required=given is None,
        help="The configuration file; also by the variable GCR_MIRROR_CONFIG.",
    )
    if given:
        parser.set_defaults(config=given)


def as_json(parser: Parser) -> None:
    """An answer for programs."""
    parser.add_argument(
        "--json",
        dest="as_json",
        action="store_true",
        help="Print one JSON object, and nothing else, on stdout.",
    )


def hosts(parser: Parser) -> None:
    """How registries are reached that no configuration knows."""
    parser.add_argument(
        "--insecure",
        metavar="HOST",
        action="append",
        help="Reach this host by plain http; loopback is reached so anyway.",
    )
    parser.add_argument(
        "--ca-file", metavar="FILE", type=path, help="PEM file of a private certificate authority."
    )


def mirrors(parser: Parser) -> None:
    """Some of the mirrors."""
    parser.add_argument(
        "--mirror",
        metavar="NAME",
        action="append",
        help="Only this mirror; may be given several times.",
    )


def path(text: str) -> Path:
    """A place for files; pathlib is not loaded before there is one."""
    from pathlib import Path

    return Path(text)


def at_least(least: float, kind: Callable[[str], float] = int) -> Callable[[str], float]:
    """Numbers that are not smaller."""

    def number(text: str) -> float:
        if (found := kind(text)) >= least:
            return found
        raise ArgumentTypeError(f"{text} is less than {least}")

    return number


def load(path: Path, *, secrets: bool = False) -> Config:
    """The checked configuration; with `secrets`, its secrets too. Raises ConfigError with every finding."""
    from mirror.config import load as read

    return read(path, os.environ, secrets=secrets)
