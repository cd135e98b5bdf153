"""A Docker Engine of the test's own: its socket, its data, no bridge, no firewall rules, no network but the host's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.servers.present import absent, require
from tests.servers.process import Process

# What scripts/install-ci-runners unpacks: the Engine of Debian 13, whose containerd image store holds an index.
_WITH_INDEXES = Path(__file__).parent / "docker-engine"


class Engine:
    """Debian's Docker Engine; with `indexes`, a newer one that keeps an image of several platforms as it is.

    `env` is what a client needs: the socket, and a PATH that begins with the Engine's own `docker`.
    """

    def __init__(self, *, indexes: bool = False) -> None:
        """Start it; skips the test without root, or where it is not installed."""
        if os.geteuid() != 0:
            absent("dockerd needs root")
        self.programs = _programs(indexes)
        # Not below pytest's directory: the path of a socket may have 107 characters.
        self.directory = Path(tempfile.mkdtemp(prefix="engine-"))
        self.socket = self.directory / "docker.sock"
        config = self.directory / "daemon.json"
        config.write_text(json.dumps(_settings(indexes)))
        argv = [
            str(self.programs / "dockerd"),
            f"--config-file={config}",
            f"--data-root={self.directory}/data",
            f"--exec-root={self.directory}/run",
            f"--pidfile={self.directory}/pid",
            f"--host=unix://{self.socket}",
            "--iptables=false",
            "--bridge=none",
        ]
        path = f"{self.programs}:{os.environ['PATH']}"
        self._process = Process(argv, self.directory, {**os.environ, "PATH": path})
        self._process.wait_for("API listen on")
        self.env = {"DOCKER_HOST": f"unix://{self.socket}", "PATH": self._client_path(path)}

    def stop(self) -> None:
        """End it and remove everything it stored."""
        self._process.stop()
        for mounted in self._mounted():
            subprocess.run(["umount", "--lazy", mounted], check=False, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _mounted(self) -> list[str]:
        """What the Engine has left mounted, the innermost first: a network namespace, its own data."""
        found = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        return sorted((path for path in found if path.startswith(f"{self.directory}/")), reverse=True)

    def _client_path(self, path: str) -> str:
        """Only `docker` of the programs' directory, so that a PATH can do without it."""
        clients = self.directory / "bin"
        clients.mkdir()
        docker = self.programs / "docker"
        (clients / "docker").symlink_to(docker if docker.exists() else Path("/usr/bin/docker"))
        return f"{clients}:{path}"


def _programs(indexes: bool) -> Path:
    if not indexes:
        return Path(require("dockerd")).parent
    if not (_WITH_INDEXES / "dockerd").exists():
        absent("Debian 13's Docker Engine is not unpacked: scripts/install-ci-runners")
    return _WITH_INDEXES


def _settings(indexes: bool) -> dict[str, object]:
    if indexes:
        return {"storage-driver": "native", "features": {"containerd-snapshotter": True}}
    return {}
