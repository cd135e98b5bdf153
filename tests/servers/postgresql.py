"""A real PostgreSQL on a free loopback port, with its own data directory, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.servers.present import require
from tests.servers.process import Process, free_port

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "16MB",
    "max_connections": "30",
}


class PostgreSQL:
    """A server that runs; `url` is an empty database that anyone on loopback may use."""

    def __init__(self) -> None:
        """Make a cluster and start it."""
        initdb, server = require("initdb"), require("postgres")
        # Not pytest's tmp_path: that is closed to the user that the server runs as.
        self._folder = Path(tempfile.mkdtemp(prefix="mirror-postgresql-"))
        self._folder.chmod(0o755)
        data = self._folder / "data"
        data.mkdir(mode=0o700)
        step_down = _step_down(data)
        made = [*step_down, initdb, "-D", str(data), "-U", "mirror", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, cwd="/", timeout=120)
        port = free_port()
        settings = [word for item in _SETTINGS.items() for word in ("-c", "=".join(item))]
        argv = [*step_down, server, "-D", str(data), "-p", str(port), *settings]
        self._process = Process(argv, self._folder)
        self._process.wait_for("ready to accept connections")
        self.url = f"postgresql://mirror@127.0.0.1:{port}/postgres"

    def stop(self) -> None:
        """End it, and remove what it wrote."""
        self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _step_down(data: Path) -> list[str]:
    """The server refuses to run as root: what to put before its command line."""
    if os.geteuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    os.chown(data, nobody.pw_uid, nobody.pw_gid)
    user, group = f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}"
    # The wish to die with the parent is lost with the user, so it is said again.
    change = [require("setpriv"), user, group, "--clear-groups", "--"]
    return [*change, require("setpriv"), "--pdeathsig", "KILL", "--"]
