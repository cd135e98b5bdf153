"""Parser: argparse as this program uses it: no abbreviations, paragraphs that stay, one line for a mistake."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from mirror.cli import streams
from mirror.cli.exits import Exit

# Longer lines are hard to read.
_WIDEST = 100


class Layout(argparse.HelpFormatter):
    """Help as wide as the terminal, in paragraphs."""

    def __init__(self, prog: str) -> None:
        """With a width of our own: argparse would load shutil to ask for it."""
        super().__init__(prog, max_help_position=32, width=min(columns(), _WIDEST) - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(super(Layout, self)._fill_text(one, width, indent) for one in text.split("\n\n"))


class Parser(argparse.ArgumentParser):
    """What may stand in one command line, and what it means."""

    def __init__(
        self,
        prog: str,
        about: str,
        *,
        epilog: str | None = None,
        commands: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        """Of the command `prog`; of a group, when it has `commands`: each with one sentence, for the help only."""
        self.declared: list[argparse.Action] = []
        self._commands = commands
        super().__init__(
            prog,
            usage="%(prog)s [options] COMMAND ..." if commands else None,
            description=about,
            epilog=epilog,
            formatter_class=Layout,
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument("-h", "--help", action="help", help="Show this message and exit.")

    def add_argument(self, *names: str, **how: Any) -> argparse.Action:
        """As argparse does, and remembered: it has no public list of them.

        What may be given several times is a list, empty without. The help ends with the default, or with "(required)".
        """
        if how.get("action") == "append":
            how.setdefault("default", [])
        if how.get("required"):
            how["help"] += " (required)"
        elif how.get("default"):  # in words: %(default)s is not there while arguments are parsed intermixed
            how["help"] += f" (default: {how['default']})"
        self.declared.append(super().add_argument(*names, **how))
        return self.declared[-1]

    def parse(self, words: Sequence[str]) -> dict[str, Any]:
        """What the words say, by name; options may stand between arguments."""
        names = [name for action in self.declared for name in action.option_strings]
        if wrong := misspelled(words, names):
            self.error(f"there is no option {wrong}{likely(wrong, names)}")
        # Intermixed, what follows `--` would be taken for options.
        arguments = any(not action.option_strings for action in self.declared)
        parse = self.parse_intermixed_args if arguments and "--" not in words else self.parse_args
        return vars(parse(words))

    def print_help(self, file: Any = None) -> None:
        """Print the help, by print: of argparse nobody learns that stdout is full."""
        listed = self.add_argument_group("commands")
        for name, sentence in self._commands().items() if self._commands else ():
            listed.add_argument(name, help=sentence.replace("%", "%%"))
        print(self.format_help(), end="", file=file)

    def error(self, message: str) -> NoReturn:
        """One line that says what is wrong, and where to read on."""
        streams.say(f"{message} (see `{self.prog} --help`)")
        raise SystemExit(Exit.USAGE)


def misspelled(words: Sequence[str], names: Sequence[str]) -> str | None:
    """The first word that looks like a long option and is none: better said than what is missing for want of it."""
    options = words[: words.index("--")] if "--" in words else words
    asked = (word.partition("=")[0] for word in options if word.startswith("--"))
    return next((name for name in asked if name not in names and " " not in name), None)


def likely(word: str, names: Iterable[str]) -> str:
    """The end of a sentence about a word that is unknown: the name that was probably meant, if one is near."""
    from difflib import get_close_matches

    near = get_close_matches(word, list(names), 1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def columns() -> int:
    """How wide the terminal is."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    try:
        return os.get_terminal_size().columns or 80
    except (OSError, ValueError):
        return 80
