"""Written: texts that go to files, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mirror.cli import streams
from mirror.errors import ConfigError

_PRIVATE = 0o600


def put(text: str, output: Path | None) -> None:
    """To stdout, or to a file that only its owner reads."""
    if output is None:
        streams.write(text)
    else:
        replace({output: text}, mode=_PRIVATE)


def replace(texts: Mapping[Path, str], *, mode: int | None = None) -> None:
    """Replace all files, or none when one cannot be written. Without a mode each keeps the one it has."""
    ready: dict[Path, Path] = {}
    at = None
    try:
        for at, text in texts.items():
            where = at.resolve()  # a link stays a link
            ready[where] = _beside(where, text, mode)
        for at, temporary in ready.items():
            temporary.replace(at)
    except OSError as error:
        for temporary in ready.values():
            temporary.unlink(missing_ok=True)
        raise ConfigError(f"{at} cannot be written: {error.strerror}") from error


def _beside(path: Path, text: str, mode: int | None) -> Path:
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
        # A temporary file is 0600 from its first byte on.
        if mode is None:
            os.fchmod(file.fileno(), path.stat().st_mode & 0o7777)
    return Path(file.name)
