"""Debian's containerd with a root, a state and a socket of its own; `ctr` pulls as a node does, by hosts.toml."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.servers.present import absent, require
from tests.servers.process import Process

_CONFIG = """\
version = 2
root = "{0}/root"
state = "{0}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{0}/socket"
"""


class Containerd:
    """One containerd; `hosts` is its folder of hosts.toml files, read at each pull."""

    def __init__(self) -> None:
        """Start it; skips the test without root, or where it is not installed."""
        program = require("containerd")
        if os.geteuid() != 0:
            absent("containerd needs root")
        # Not below pytest's directory: the path of a socket may have 107 characters.
        self.directory = Path(tempfile.mkdtemp(prefix="containerd-"))
        self.hosts = self.directory / "certs.d"
        config = self.directory / "config.toml"
        config.write_text(_CONFIG.format(self.directory))
        self._process = Process([program, "--config", str(config)], self.directory)
        self._process.wait_for("containerd successfully booted")

    def configure(self, host: str, text: str) -> None:
        """Put a hosts.toml where containerd looks for this host's."""
        folder = self.hosts / host
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hosts.toml").write_text(text)

    def pull(self, image: str, login: tuple[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Pull as the kubelet does, with the login that a pull secret would give."""
        user = ["--user", ":".join(login)] if login else []
        ctr = [require("ctr"), "--address", str(self.directory / "socket"), "images"]
        words = ["pull", "--snapshotter", "native", "--hosts-dir", str(self.hosts), *user, image]
        return subprocess.run([*ctr, *words], capture_output=True, text=True, timeout=60, check=False)

    def stop(self) -> None:
        """End it and remove everything it stored."""
        self._process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
