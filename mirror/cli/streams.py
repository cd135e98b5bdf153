"""Streams: stdout and stderr when they are full, closed, or nobody reads them any more."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TextIO

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def prepare() -> None:
    """Each line is written when it is printed, so that it stands before what stderr says next.

    What the stream's encoding lacks is escaped: an ellipsis ends nothing.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # None after `>&-`
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")


def flush() -> None:
    """Write what waits. OSError here is an error with a message; at the interpreter's end it would be noise."""
    if sys.stdout is not None:  # `>&-`
        sys.stdout.flush()


def write(text: str) -> None:
    """A text for programs on stdout: in UTF-8 whatever the terminal speaks, and with its own line ends."""
    if sys.stdout is not None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()


def full(error: Exception) -> str | None:
    """The system's words when an error is that of a place that takes no more; None for another error.

    A file that is written by its name is told by its name; what has none here is stdout, or a temporary file.
    """
    if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
        return error.strerror
    return None


def silence(stream: TextIO) -> None:
    """Drop what still waits, so that nothing is tried again at the interpreter's end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(message: str) -> None:
    """One message of the program on stderr."""
    tell(f"gcr-mirror: {message}")


def tell(line: str) -> None:
    """One line on stderr, if there is anybody to read it."""
    if sys.stderr is None:  # `2>&-`
        return
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)
