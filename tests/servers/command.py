"""The program as a user runs it: a process of its own, with nothing of this machine's logins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Ran:
    """How it ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def mirror(self) -> dict[str, Any]:
        """The only mirror that `--json` speaks of."""
        (mirror,) = json.loads(self.out)["mirrors"]
        return dict(mirror)


def gcr_mirror(*words: str | Path, env: Mapping[str, str] | None = None, home: Path) -> Ran:
    """Run `gcr-mirror`; `home` is an empty folder, so that no Docker configuration is found but its own."""
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
    done = subprocess.run(
        [sys.executable, "-m", "mirror", *map(str, words)],
        env=clean | {"HOME": str(home)} | dict(env or {}),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def shell(command: str, folder: Path, **env: str) -> str:
    """What a command line says that a person types in `folder`, with this program on PATH; it must succeed."""
    programs = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    clean = {"PATH": programs, "HOME": str(folder)}
    ran = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=clean | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def configuration(
    folder: Path,
    source: Mapping[str, Any],
    target: Mapping[str, Any],
    limits: Mapping[str, Any] | None = None,
    **mirror: Any,
) -> Path:
    """Write a configuration with two registries and one mirror of everything between them."""
    rules = {"name": "shop", "source": "from", "target": "to", "repositories": ["**"]} | mirror
    path = folder / "config.yaml"
    registries = {"from": dict(source), "to": dict(target)}
    # JSON is YAML.
    path.write_text(json.dumps({"registries": registries, "mirrors": [rules], "limits": dict(limits or {})}))
    return path


def plain(host: str, **more: Any) -> dict[str, Any]:
    """A registry of the specification, by http."""
    return {"kind": "oci", "host": host, "insecure": True} | more
