"""Findings: what is wrong in a configuration, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mirror.errors import ConfigError

Path = tuple[str | int, ...]
# What is wrong, and the path to it.
Complaint = tuple[Path, str]


class Finding(NamedTuple):
    """One thing that is wrong. `path` leads to it from the top of the file, `line` counts from 1."""

    path: Path
    message: str
    line: int

    def render(self, file: str) -> str:
        """`file:line: path: message`, the form that editors and CI systems link."""
        return ": ".join(
            part for part in (f"{file}:{self.line}", render_path(self.path), self.message) if part
        )


def render_path(path: Path) -> str:
    """`mirrors[0].tags.semver`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{part}"
    return text


def config_error(findings: Iterable[Finding], file: str) -> ConfigError:
    """All findings as one error, one line each, in the order of the file."""
    ordered = sorted(
        set(findings), key=lambda finding: (finding.line, render_path(finding.path), finding.message)
    )
    return ConfigError("\n".join(finding.render(file) for finding in ordered))
