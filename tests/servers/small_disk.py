"""A disk so small that it can be filled: a tmpfs where mounting is permitted, which in CI it must be for root."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from mirror.errors import StateError
from mirror.state.database import Database

_CHUNK = b"." * 4096


class Disk(Protocol):
    """A folder, whose disk can be full."""

    folder: Path

    def fill(self) -> None:
        """Leave no byte free."""

    def free(self) -> None:
        """Give it back."""


class SmallDisk:
    """A tmpfs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(_CHUNK)

    def free(self) -> None:
        self._ballast.unlink()


class PretendedDisk:
    """Where nothing may be mounted: the database says that it is full."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = patch

    def fill(self) -> None:
        def full(*_: object) -> None:
            raise StateError("the state cannot be written: the disk is full; free some space")

        self._patch.setattr(Database, "_upsert", full)

    def free(self) -> None:
        self._patch.undo()


@contextmanager
def small_disk(folder: Path, patch: pytest.MonkeyPatch, size: str = "1m") -> Iterator[Disk]:
    """A disk of `size` at `folder`."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(words, check=False, capture_output=True).returncode == 0
    if not mounted:
        if os.geteuid() == 0 and os.environ.get("CI"):
            pytest.fail("a tmpfs cannot be mounted: run the tests with CAP_SYS_ADMIN", pytrace=False)
        yield PretendedDisk(folder, patch)
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
