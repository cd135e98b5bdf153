"""App: the program's commands under one name, and the one place where errors reach the user."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

import mirror
from mirror.cli import streams
from mirror.cli.commands import Root
from mirror.cli.exits import Exit
from mirror.errors import ConfigError, MirrorError, TransportError, Unauthorized

app = typer.Typer(
    name="gcr-mirror",
    cls=Root,
    help="Keep the images of a GitLab Container Registry pullable from Google when GitLab is down.",
    epilog="Begin with `gcr-mirror demo`. Exit codes: 0 in sync, 1 some images failed, 2 usage or configuration, "
    "3 a registry could not be reached or refused the login, 75 only some registries took a push.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gcr-mirror {mirror.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show where an unexpected error came from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before the command."""
    del version
    if debug:
        os.environ["GCR_MIRROR_DEBUG"] = "1"


def run() -> None:
    """Run the command line; every error becomes one message and an exit code."""
    try:
        _flushed()
    except MirrorError as error:
        _explain(error)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        _interrupted()
    except SystemExit as ended:
        if ended.code == Exit.INTERRUPTED:  # what typer makes of Ctrl-C
            _interrupted()
        raise
    except BrokenPipeError:
        # The reader went away (`| head`): nothing is left to tell it.
        streams.silence(sys.stdout)
        sys.exit(Exit.UNREAD)
    except Exception as error:
        if os.environ.get("GCR_MIRROR_DEBUG"):
            raise
        if reason := streams.full(error):
            streams.say(f"stdout, or a temporary file, cannot be written: {reason}")
            streams.silence(sys.stdout)
        else:
            streams.say(
                f"unexpected {type(error).__name__}; `gcr-mirror --debug` shows where. Please report it."
            )
        sys.exit(Exit.FAILED)


def _flushed() -> None:
    """The command, and all that it printed."""
    try:
        app()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # of which typer makes exit code 1
            raise ended.__context__ from None
        streams.flush()
        raise


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
