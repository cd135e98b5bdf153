"""Print docs/reference/cli.md, made from the commands themselves.

.venv/bin/python scripts/cli_page.py >docs/reference/cli.md
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from mirror.cli.app import app
from mirror.cli.exits import Exit

_INTRODUCTION = """\
<!-- Made by scripts/cli_page.py from mirror/cli; a test compares. -->

# Commands

`python -m mirror` is the same as `gcr-mirror`. `--help` after any command prints what stands here.
"""
_EXITS = {
    Exit.IN_SYNC: "all is in sync",
    Exit.FAILED: "some images failed, and the others are copied; or the output could not be written",
    Exit.USAGE: "the command line or the configuration is wrong",
    Exit.UNUSABLE: "a registry could not be reached, or refused the login",
    Exit.PARTIAL: "`push --on-partial-failure warn`: some registries have the image, others do not",
    Exit.INTERRUPTED: "stopped by the user",
    Exit.UNREAD: "whoever read the output went away, as in `gcr-mirror list ... \\| head -1`",
}

# Typer keeps its copy of Click to itself, so commands and contexts have no public type.
Command = Any
Context = Any


def page(root: Command) -> str:
    """The whole page as Markdown: every command, a group before its commands, then the exit codes."""
    sections = [_section(command, context) for command, context in _commands(root, "gcr-mirror", None)]
    exits = [f"| {code.value} | {_EXITS[code]} |" for code in Exit]
    return "\n".join([_INTRODUCTION, *sections, "## Exit codes\n\n| code | means |\n|---|---|", *exits, ""])


def _commands(command: Command, name: str, parent: Context) -> Iterator[tuple[Command, Context]]:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    yield command, context
    for child, its in getattr(command, "commands", {}).items():
        if not its.hidden:
            yield from _commands(its, child, context)


def _section(command: Command, context: Context) -> str:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    said = inspect.cleandoc(command.help or "")
    rows = [_row(*record) for one in command.params if (record := one.get_help_record(context))]
    table = ["| argument or option | means |", "|---|---|", *rows, ""] if rows else []
    return "\n".join([f"## {context.command_path}", "", said, "", "```text", usage, "```", "", *table])


def _row(name: str, means: str) -> str:
    """One line of a table; what stands in brackets behind the help (environment, default) follows it."""
    text, _, extra = means.replace("|", "\\|").partition("  [")
    return f"| `{name}` | {text}{f' ({extra[:-1]})' if extra else ''} |"


if __name__ == "__main__":
    print(page(typer.main.get_command(app)), end="")
