"""Install pip into the running virtual environment from its wheel, for a Python that has no ensurepip."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

WHEEL = "pip-26.3-py3-none-any.whl"
FOLDER = "https://files.pythonhosted.org/packages/07/25/ee8c38ae72d66b844ce8eb9711ba905dba21ca1a8a0c960057c41cd23337"
URL = f"{FOLDER}/{WHEEL}"
SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"


def main() -> None:
    """Fetch the wheel, check its hash, and let it install itself."""
    with urllib.request.urlopen(URL, timeout=60) as answer:
        data = answer.read()
    if hashlib.sha256(data).hexdigest() != SHA256:
        sys.exit(f"{URL} is not the file that it was: its hash differs")
    with tempfile.TemporaryDirectory() as directory:
        wheel = Path(directory) / WHEEL
        wheel.write_bytes(data)
        pip = [
            sys.executable,
            f"{wheel}/pip",
            "install",
            "--quiet",
            "--no-index",
            "--root-user-action=ignore",
        ]
        subprocess.run([*pip, str(wheel)], check=True)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"{URL}: {error}")
