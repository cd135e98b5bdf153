"""The one rule for servers that are not installed: skip with one line, but fail in CI."""

from __future__ import annotations

import os
import shutil

import pytest

# program -> the Debian package that has it, where the names differ.
_PACKAGES = {"htpasswd": "apache2-utils", "dockerd": "docker.io", "setpriv": "util-linux"}


def require(program: str) -> str:
    """The path of `program`; skips the calling test when it is missing, fails it when CI is set."""
    path = shutil.which(program)
    if path is not None:
        return path
    reason = f"{program} is not installed: apt-get install {_PACKAGES.get(program, program)}"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
