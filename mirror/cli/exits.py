"""Exits: the program's exit codes, which scripts rely on."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a caller can tell from the exit code."""

    IN_SYNC = 0
    FAILED = 1
    USAGE = 2
    UNUSABLE = 3
    PARTIAL = 75
    INTERRUPTED = 130
    UNREAD = 141  # 128 + SIGPIPE, as a shell counts a program whose reader went away
