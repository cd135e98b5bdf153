"""App: the program's commands under one name, and the one place where errors reach the user."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import mirror
from mirror.cli import streams
from mirror.cli.command import split
from mirror.cli.commands import PROGRAM
from mirror.cli.exits import Exit
from mirror.cli.parser import Parser
from mirror.errors import ConfigError, MirrorError, TransportError, Unauthorized

_EPILOG = (
    "Begin with `gcr-mirror demo`. Exit codes: 0 in sync, 1 some images failed, 2 usage or configuration, "
    "3 a registry could not be reached or refused the login, 75 only some registries took a push."
)


def parser() -> Parser:
    """The parser of what stands before the command."""
    found = PROGRAM.parser("gcr-mirror", _EPILOG)
    found.add_argument("--debug", action="store_true", help="Show where an unexpected error came from.")
    found.add_argument("--version", action="store_true", help="Print the version.")
    return found


def main(words: Sequence[str]) -> Exit:
    """Do what the words ask for. Errors are the caller's; SystemExit after a mistake in the words, and after help."""
    before, after = split(words)
    root = parser()
    given = root.parse(before)
    if given["version"]:
        print(f"gcr-mirror {mirror.__version__}")
        return Exit.IN_SYNC
    if given["debug"]:
        os.environ["GCR_MIRROR_DEBUG"] = "1"
    return PROGRAM.choose(root, after)


def run() -> NoReturn:
    """Run the command line; every error becomes one message and an exit code."""
    streams.prepare()
    try:
        ended = main(sys.argv[1:])
        streams.flush()
    except MirrorError as error:
        _explain(error)
        ended = exit_code(error)
    except KeyboardInterrupt:
        _interrupted()
    except BrokenPipeError:
        # The reader went away (`| head`): nothing is left to tell it.
        streams.silence(sys.stdout)
        ended = Exit.UNREAD
    except Exception as error:
        if os.environ.get("GCR_MIRROR_DEBUG"):
            raise
        _unexpected(error)
        ended = Exit.FAILED
    sys.exit(ended)


def _unexpected(error: Exception) -> None:
    if reason := streams.full(error):
        streams.say(f"stdout, or a temporary file, cannot be written: {reason}")
        streams.silence(sys.stdout)
    else:
        streams.say(f"unexpected {type(error).__name__}; `gcr-mirror --debug` shows where. Please report it.")


def _interrupted() -> NoReturn:
    """End at once: sys.exit would wait for threads, and one may be listening to a registry that says nothing.

    A pass may be broken off anywhere, since a tag is written only when all that it leads to is there.
    """
    streams.say("stopped")
    with suppress(OSError):
        streams.flush()
    os._exit(Exit.INTERRUPTED)


def exit_code(error: MirrorError) -> Exit:
    """The exit code that an error ends the program with."""
    if isinstance(error, ConfigError):
        return Exit.USAGE
    return Exit.UNUSABLE if isinstance(error, TransportError | Unauthorized) else Exit.FAILED


def _explain(error: MirrorError) -> None:
    if os.environ.get("GCR_MIRROR_DEBUG"):
        import traceback

        traceback.print_exception(error)
    from mirror.registries.denials import explain

    known = explain(error)
    streams.say(f"{error}\n{known}" if known else str(error))
