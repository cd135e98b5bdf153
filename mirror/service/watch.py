"""Watch: has a file changed? By its content, since Kubernetes swaps links and keeps the times."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

_LARGEST = 1 << 20


class Watch:
    """Some files, compared with how they were at the last look."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Take the first look."""
        self.paths = tuple(paths)
        self._seen = self._look()

    def changed(self) -> bool:
        """Whether any of them is different from the last look. One that cannot be read now is not looked at."""
        now = self._look()
        fresh = {path: digest for path, digest in now.items() if self._seen.get(path) != digest}
        self._seen.update(fresh)
        return bool(fresh)

    def _look(self) -> dict[Path, bytes]:
        found = {}
        for path in self.paths:
            try:
                with path.open("rb") as file:
                    found[path] = hashlib.sha256(file.read(_LARGEST)).digest()
            except OSError:
                continue
        return found
