"""Streams: stdout and stderr when they are full, closed, or nobody reads them any more."""

from __future__ import annotations

import errno
import os
import sys
from typing import TextIO

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def flush() -> None:
    """Write what waits. OSError here is an error with a message; at the interpreter's end it would be noise."""
    if sys.stdout is not None:  # `>&-`
        sys.stdout.flush()


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
    """One message on stderr, if there is anybody to read it."""
    if sys.stderr is None:  # `2>&-`
        return
    try:
        sys.stderr.write(f"gcr-mirror: {message}\n")
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)
