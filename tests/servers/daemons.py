"""The daemon as a process of its own, and what its state says of its passes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path


def daemon(config: Path) -> subprocess.Popen[bytes]:
    """`gcr-mirror run`; a with block waits for its end."""
    argv = [sys.executable, "-m", "mirror", "run", "-c", str(config)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(argv, stdout=quiet, stderr=quiet)


def passes(folder: Path) -> list[tuple[str, int]]:
    """The result of every pass that has ended, and how many tags it found in step, by `state.db`."""
    try:
        with sqlite3.connect(f"file:{folder}/state.db?mode=ro", uri=True) as state:
            found = state.execute("SELECT result, unchanged FROM passes WHERE ended IS NOT NULL").fetchall()
        state.close()
    except sqlite3.OperationalError:
        return []
    return found
