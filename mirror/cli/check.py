"""`gcr-mirror check`: what is not as it must be, why, and what mends it."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from typing import TYPE_CHECKING

from mirror.cli.command import Command
from mirror.cli.exits import Exit
from mirror.cli.options import as_json, config_file, load
from mirror.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from mirror.checks.check import Finding, Probe
    from mirror.cli.parser import Parser

_MARKS = {"ok": "ok", "warning": "WARN", "failed": "FAIL"}
_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


def check(config: Path, as_json: bool) -> Exit:
    """Look at everything that a pass needs, side by side, within 10 seconds; leaves nothing behind.

    Exit code 0 when nothing failed (warnings do not count), 1 when something did, 2 when the configuration is wrong.
    """
    import os

    from mirror.bootstrap.checkup import checks
    from mirror.checks.check import run

    try:
        loaded = load(config)
    except ConfigError as error:
        _tell(_mistakes(config, error), as_json)
        return Exit.USAGE
    findings = [
        _configuration(config).ok(f"registries: {len(loaded.registries)}, mirrors: {len(loaded.mirrors)}"),
        *run(checks(loaded, os.environ)),
    ]
    _tell(findings, as_json)
    failed = any(finding.level == "failed" for finding in findings)
    return Exit.FAILED if failed else Exit.IN_SYNC


def _options(parser: Parser) -> None:
    config_file(parser)
    as_json(parser)


CHECK = Command(check, _options)


def _configuration(path: Path) -> Probe:
    from mirror.checks.check import Probe

    return Probe("configuration", f"read {path}", {})


def _mistakes(path: Path, error: ConfigError) -> list[Finding]:
    """One finding for each thing that is wrong in the file, which says where and what to write instead."""
    again = f"gcr-mirror config check -c {shlex.quote(str(path))}"
    return [
        _configuration(path).failed(line, f"correct it, then: {again}") for line in str(error).splitlines()
    ]


def _tell(findings: list[Finding], as_json: bool) -> None:
    counts = Counter(finding.level for finding in findings)
    if as_json:
        totals = {level: counts[level] for level in ("ok", "warning", "failed")}
        print(json.dumps({**totals, "findings": [finding.as_json() for finding in findings]}))
    else:
        _print(findings)
        print(f"ok: {counts['ok']}, warnings: {counts['warning']}, failed: {counts['failed']}")


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
            print(trouble(finding))
    print()


def trouble(finding: Finding) -> str:
    """What is wrong, why, and the fix, each on a line of its own."""
    lines = [f"\n{_MARKS[finding.level]} {finding.check}: {finding.said}"]
    lines += [f"     tried: {finding.tried}"] if finding.tried else []
    lines += [f"     cause: {finding.cause}"] if finding.cause else []
    lines += [f"     fix:   {finding.fix}"] if finding.fix else []
    return "\n".join(lines)
