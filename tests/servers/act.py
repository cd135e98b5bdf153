"""act: runs a repository's GitHub workflows on this machine, as GitHub's runner would on its own.

What it does otherwise than GitHub: the checkout is a copy of the folder, permissions are not enforced, a secret that
is not set is no error, and every event is one that the caller makes up.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.present import absent

_ACT = Path(sys.executable).parent / "act"
_ENDED = re.compile(r"^\[[^/\]]+/(?P<job>[^\]]+?)\s*\]\s+🏁\s+Job (?P<how>succeeded|failed)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that ended: all output, the exit status, and for each job `succeeded` or `failed`."""

    output: str
    status: int

    @property
    def jobs(self) -> dict[str, str]:
        """Job -> how it ended."""
        return {match["job"]: match["how"] for match in _ENDED.finditer(self.output)}


def run(
    repository: Path,
    env: Mapping[str, str],
    event: str = "push",
    *,
    payload: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    actions: Mapping[str, Path] | None = None,
) -> Run:
    """Run the workflows of `repository` for an event. `actions` maps owner/name@ref to a folder that is it.

    Secrets go through a file, since arguments can be read by anybody on the machine.
    """
    if not _ACT.exists():
        absent("act is not installed: make .venv/.dev")
    home = repository.parent
    event_file = home / "event.json"
    event_file.write_text(json.dumps(dict(payload or {})))
    secret_file = home / "secrets.yml"  # JSON is YAML
    secret_file.write_text(json.dumps(dict(secrets or {})))
    argv = [
        str(_ACT),
        event,
        "--platform=ubuntu-latest=-self-hosted",
        "--no-cache-server",
        "--action-offline-mode",
    ]
    argv += [f"--eventpath={event_file}", f"--secret-file={secret_file}", "--pull=false"]
    argv += [f"--var={name}={value}" for name, value in (variables or {}).items()]
    argv += [f"--local-repository={name}={folder}" for name, folder in (actions or {}).items()]
    done = subprocess.run(
        argv,
        cwd=repository,
        env={"LANG": "C.UTF-8", "PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(home / "cache"), **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
    )
    print(done.stdout)  # noqa: T201 - what pytest shows when the test fails
    return Run(done.stdout, done.returncode)
