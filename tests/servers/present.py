"""The one rule for servers that are not installed: skip with one line, but fail in CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

# program -> the Debian package that has it, where the names differ.
_PACKAGES = {
    "chromedriver": "chromium-driver",
    "ctr": "containerd",
    "htpasswd": "apache2-utils",
    "dockerd": "docker.io",
    "initdb": "postgresql",
    "postgres": "postgresql",
    "promtool": "prometheus",
    "setpriv": "util-linux",
}
# Debian keeps these outside PATH, one folder per version.
_ELSEWHERE = "/usr/lib/postgresql"


def require(program: str) -> str:
    """The path of `program`; skips the calling test when it is missing, fails it when CI is set."""
    path = shutil.which(program) or _elsewhere(program)
    return path or absent(f"{program} is not installed: apt-get install {_PACKAGES.get(program, program)}")


def absent(reason: str) -> NoReturn:
    """Skip the calling test with this line, or fail it when CI is set."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _elsewhere(program: str) -> str | None:
    found = sorted(Path(_ELSEWHERE).glob(f"*/bin/{program}"))
    return str(found[-1]) if found else None
