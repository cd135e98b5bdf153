"""A server process of a test: its output in files, and its end no later than the test's own."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.present import require


class StartFailed(Exception):
    """The server ended, or did not say that it is ready; the message has its last words."""


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on. Another process may take it first: be ready to retry."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """One server, in a process group of its own.

    It is stopped by `stop()`, at the latest when the interpreter exits; should that be killed, the kernel
    kills the server (setpriv --pdeathsig, so start it from a thread that lives on).
    """

    def __init__(self, argv: Sequence[str], directory: Path, env: Mapping[str, str] | None = None) -> None:
        """Start `argv`; its output goes to `directory`/stdout and `directory`/stderr."""
        self.stdout = directory / "stdout"
        self.stderr = directory / "stderr"
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            self._process = subprocess.Popen(
                [require("setpriv"), "--pdeathsig", "KILL", "--", *argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=env,
                start_new_session=True,
            )
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        """The process id, which is its process group too."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def wait_for(self, words: str, seconds: float = 20) -> None:
        """Wait until `words` stand in its stderr. Raises StartFailed."""
        deadline = time.monotonic() + seconds
        while words not in (said := self.stderr.read_text(errors="replace")):
            if not self.running or time.monotonic() > deadline:
                self.stop()
                raise StartFailed(f"no {words!r} from {self._process.args!r}:\n{said[-2000:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Ask it to end, then end it and whatever it started. May be called again."""
        atexit.unregister(self.stop)
        if self.running:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(3)
        self.kill()

    def kill(self) -> None:
        """End it and whatever it started, at once and without a word."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
