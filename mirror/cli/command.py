"""Command: what the user may ask for: a function and its options, or a group of commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from mirror.cli.exits import Exit
from mirror.cli.parser import Parser, likely


class Command(NamedTuple):
    """A function that is called with what its options say; its docstring is the help."""

    act: Callable[..., Exit]
    options: Callable[[Parser], object] = lambda _: None

    @property
    def about(self) -> str:
        """What it does."""
        return self.act.__doc__ or ""

    def parser(self, name: str) -> Parser:
        """The parser of what follows its name."""
        parser = Parser(name, self.about)
        self.options(parser)
        return parser

    def run(self, name: str, words: Sequence[str]) -> Exit:
        """Do what the words ask for that follow its name."""
        return self.act(**self.parser(name).parse(words))


class Group(NamedTuple):
    """Commands under one name."""

    about: str
    commands: Mapping[str, Command | Group]

    def parser(self, name: str, epilog: str | None = None) -> Parser:
        """The parser of what stands before the name of a command."""
        return Parser(name, self.about, epilog=epilog, commands=self._sentences)

    def run(self, name: str, words: Sequence[str]) -> Exit:
        """Run the command that the words name, which follow the group's name."""
        before, after = split(words)
        parser = self.parser(name)
        parser.parse(before)
        return self.choose(parser, after)

    def choose(self, parser: Parser, words: Sequence[str]) -> Exit:
        """Run the command that the first of the words names."""
        if not words:
            parser.print_help(sys.stderr)
            return Exit.USAGE
        name, *rest = words
        if name not in self.commands:
            parser.error(f"there is no command {name!r}{likely(name, self.commands)}")
        return self.commands[name].run(f"{parser.prog} {name}", rest)

    def _sentences(self) -> dict[str, str]:
        return {name: sentence(command.about) for name, command in self.commands.items()}


def split(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The options before the name of a command, none of which has a value; the name, and what follows."""
    at = next((at for at, word in enumerate(words) if not word.startswith("-")), len(words))
    return words[:at], words[at:]


def sentence(text: str) -> str:
    """The first sentence of a docstring."""
    paragraph = text.partition("\n\n")[0]
    first, dot, _ = " ".join(paragraph.split()).partition(". ")
    return first + dot.strip()
