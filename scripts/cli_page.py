"""Print docs/reference/cli.md, made from the commands themselves.

.venv/bin/python scripts/cli_page.py >docs/reference/cli.md
"""

from __future__ import annotations

import os
from argparse import Action
from collections.abc import Iterator

from mirror.cli import app
from mirror.cli.command import Command, Group
from mirror.cli.commands import PROGRAM
from mirror.cli.exits import Exit
from mirror.cli.parser import Parser

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


def page() -> str:
    """The whole page as Markdown: every command, a group before its commands, then the exit codes."""
    root = app.parser()
    sections = [_section(root, PROGRAM), *(_section(*one) for one in _commands(root.prog, PROGRAM))]
    exits = [f"| {code.value} | {_EXITS[code]} |" for code in Exit]
    return "\n".join([_INTRODUCTION, *sections, "## Exit codes\n\n| code | means |\n|---|---|", *exits, ""])


def _commands(prog: str, group: Group) -> Iterator[tuple[Parser, Command | Group]]:
    for name, command in group.commands.items():
        parser = command.parser(f"{prog} {name}")
        yield parser, command
        if isinstance(command, Group):
            yield from _commands(parser.prog, command)


def _section(parser: Parser, command: Command | Group) -> str:
    rows = [_row(parser, action) for action in parser.declared if "--help" not in action.option_strings]
    table = ["| argument or option | means |", "|---|---|", *rows, ""] if rows else []
    usage = f"{parser.prog} {_usage(parser, command)}"
    said = "\n".join(line.strip() for line in command.about.strip().splitlines())
    return "\n".join([f"## {parser.prog}", "", said, "", "```text", usage, "```", "", *table])


def _usage(parser: Parser, command: Command | Group) -> str:
    if isinstance(command, Group):
        return "[options] COMMAND ..."
    arguments = (_argument(action) for action in parser.declared if not action.option_strings)
    return " ".join(["[options]", *arguments])


def _argument(action: Action) -> str:
    optional, several = action.nargs == "?", action.nargs == "+"
    return f"{'[' * optional}{action.metavar or action.dest}{']' * optional}{'...' * several}"


def _row(parser: Parser, action: Action) -> str:
    """One line of a table: how it is written, and its help with the default filled in."""
    means = (action.help or "") % {"default": action.default, "prog": parser.prog}
    means = means.replace("|", "\\|")
    return f"| `{_written(action)}` | {means} |"


def _written(action: Action) -> str:
    if not action.option_strings:
        return _argument(action)
    value = action.metavar or f"{{{','.join(action.choices or ())}}}"
    return ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {value}")


if __name__ == "__main__":
    os.environ.pop("GCR_MIRROR_CONFIG", None)  # which would be the default on the page
    print(page(), end="")
