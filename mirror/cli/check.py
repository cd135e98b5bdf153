"""`gcr-mirror check`: what is not as it must be, why, and what mends it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mirror.cli.exits import Exit
from mirror.cli.options import AsJson, ConfigFile, load

if TYPE_CHECKING:
    from mirror.checks.check import Finding

_MARKS = {"ok": "ok", "warning": "WARN", "failed": "FAIL"}
_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


def check(config: ConfigFile, as_json: AsJson = False) -> None:
    """Look at everything that a pass needs, side by side, within 10 seconds; leaves nothing behind.

    Exit code 0 when nothing failed (warnings do not count), else 1.
    """
    import os

    from mirror.bootstrap.checkup import checks
    from mirror.checks.check import run

    loaded = load(config)
    findings = [
        _configuration(config, len(loaded.registries), len(loaded.mirrors)),
        *run(checks(loaded, os.environ)),
    ]
    counts = Counter(finding.level for finding in findings)
    if as_json:
        totals = {level: counts[level] for level in ("ok", "warning", "failed")}
        typer.echo(json.dumps({**totals, "findings": [finding.as_json() for finding in findings]}))
    else:
        _print(findings)
        typer.echo(f"ok: {counts['ok']}, warnings: {counts['warning']}, failed: {counts['failed']}")
    raise typer.Exit(Exit.FAILED if counts["failed"] else Exit.IN_SYNC)


def _configuration(path: Path, registries: int, mirrors: int) -> Finding:
    from mirror.checks.check import Probe

    return Probe("configuration", f"read {path}", {}).ok(f"registries: {registries}, mirrors: {mirrors}")


def _print(findings: list[Finding]) -> None:
    """A table of everything, then each trouble in full: a fix that is broken over lines cannot be pasted."""
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    columns = [Column(name, overflow="fold") for name in ("check", "tried", "found")]
    table = Table("", *columns, box=None, pad_edge=False)
    for finding in findings:
        mark = Text(_MARKS[finding.level], _STYLES[finding.level])
        table.add_row(mark, finding.check, finding.tried, finding.said)
    Console(highlight=False, markup=False, emoji=False).print(table)
    for finding in findings:
        if finding.level != "ok":
            typer.echo(trouble(finding))
    typer.echo("")


def trouble(finding: Finding) -> str:
    """What is wrong, why, and the fix, each on a line of its own."""
    lines = [f"\n{_MARKS[finding.level]} {finding.check}: {finding.said}"]
    lines += [f"     tried: {finding.tried}"] if finding.tried else []
    lines += [f"     cause: {finding.cause}"] if finding.cause else []
    lines += [f"     fix:   {finding.fix}"] if finding.fix else []
    return "\n".join(lines)
