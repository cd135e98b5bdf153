"""Debian's docker-registry (CNCF distribution 2.8) on a free loopback port, with its own data directory."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.servers.certificates import Certificate
from tests.servers.present import require
from tests.servers.process import Process, StartFailed, free_port

# The combined log format, which the registry writes to stdout.
_ACCESS = re.compile(
    r'\S+ \S+ \S+ \[[^]]+\] "(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" (?P<status>\d{3}) '
)
_ATTEMPTS = 5


class Request(NamedTuple):
    """One line of the access log; `path` has its query."""

    method: str
    path: str
    status: int


@dataclass(frozen=True, slots=True)
class TokenAuth:
    """Where the registry sends clients for a token, and whose tokens it believes.

    `certificates` is a PEM bundle: a token's signature must come from one of these, or be signed by one.
    """

    realm: str
    service: str
    issuer: str
    certificates: Path


@dataclass(frozen=True, slots=True)
class Variant:
    """How a registry differs from a plain one.

    `users` are names and passwords (basic auth). bcrypt reads 72 bytes of a password, so a longer one is
    refused here: with it the registry would take any password that begins alike. Test those with `token`.
    `settings` are merged into the registry's configuration last, section by section.
    """

    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    token: TokenAuth | None = None
    tls: Certificate | None = None
    delete: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)


class Registry:
    """A registry that runs. `stop()` or `kill()`, and `start()`, take it down and up: same address, data kept."""

    def __init__(self, directory: Path, variant: Variant | None = None) -> None:
        """Start it with everything it writes below `directory`."""
        self.directory = directory
        self.variant = variant or Variant()
        self._program = require("docker-registry")
        directory.mkdir(parents=True, exist_ok=True)
        self._seen = 0
        self.port, self._process = self._first_start()

    @property
    def host(self) -> str:
        """`127.0.0.1:port`, as references spell it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The scheme and host."""
        return f"{'https' if self.variant.tls else 'http'}://{self.host}"

    def start(self) -> None:
        """Start it again after `stop()`; StartFailed when the port has been taken since."""
        if not self._process.running:
            self._process = self._launch(self.port)

    def stop(self) -> None:
        """Take it down; nothing listens at its address then."""
        self._process.stop()

    def kill(self) -> None:
        """Take it down without a word to it."""
        self._process.kill()

    @property
    def pid(self) -> int:
        """Of the process that runs at this moment."""
        return self._process.pid

    def requests(self) -> list[Request]:
        """What it has answered since the start or the last `forget_requests()`, in order of completion.

        A line may be written just after a long answer's last byte, so this waits until the log rests.
        """
        return [
            Request(match["method"], match["path"], int(match["status"]))
            for match in _ACCESS.finditer(self._access_log()[self._seen :])
        ]

    def count(self, method: str, path: str = "") -> int:
        """How many requests of `method` there were whose path matches the regular expression `path`."""
        return sum(
            request.method == method and bool(re.search(path, request.path)) for request in self.requests()
        )

    def forget_requests(self) -> None:
        """Let `requests()` begin anew."""
        self._seen = len(self._access_log())

    def _access_log(self) -> str:
        before, log = None, self._process.stdout.read_text()
        while log != before:
            time.sleep(0.02)
            before, log = log, self._process.stdout.read_text()
        return log

    def _first_start(self) -> tuple[int, Process]:
        for attempt in range(_ATTEMPTS):
            port = free_port()
            try:
                return port, self._launch(port)
            except StartFailed as failed:
                if "address already in use" not in str(failed) or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError

    def _launch(self, port: int) -> Process:
        """Start the program; it says that it listens once the socket is open, so no probe is needed."""
        config = self.directory / "config.yml"  # JSON is YAML
        config.write_text(json.dumps(self._config(port)))
        (self.directory / "stderr").unlink(missing_ok=True)
        process = Process([self._program, "serve", str(config)], self.directory)
        process.wait_for(f"listening on 127.0.0.1:{port}")
        return process

    def _config(self, port: int) -> dict[str, Any]:
        http: dict[str, Any] = {"addr": f"127.0.0.1:{port}", "secret": "one secret for all starts"}
        if self.variant.tls:
            http["tls"] = {
                "certificate": str(self.variant.tls.certificate),
                "key": str(self.variant.tls.key),
            }
        config: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "info", "formatter": "json", "accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.directory / "data")},
                "delete": {"enabled": self.variant.delete},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "http": http,
            "auth": self._auth(),
        }
        return _merged(config, self.variant.settings)

    def _auth(self) -> dict[str, Any]:
        if self.variant.token:
            token = self.variant.token
            return {
                "token": {
                    "realm": token.realm,
                    "service": token.service,
                    "issuer": token.issuer,
                    "rootcertbundle": str(token.certificates),
                }
            }
        if self.variant.users:
            file = self.directory / "htpasswd"
            file.write_text("".join(_bcrypt(*user) for user in self.variant.users.items()))
            return {"htpasswd": {"realm": "test", "path": str(file)}}
        return {}


# The fixture `registries`: keywords of Variant -> a registry that runs.
Registries = Callable[..., Registry]


def _bcrypt(user: str, password: str) -> str:
    if len(password.encode()) > 72:
        raise ValueError("bcrypt compares 72 bytes only: a longer password must be tested with token auth")
    made = subprocess.run(
        [require("htpasswd"), "-niBC", "4", user], input=password, capture_output=True, text=True, check=True
    )
    return made.stdout.strip() + "\n"


def _merged(base: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in extra.items():
        merged[key] = _merged(merged.get(key) or {}, value) if isinstance(value, Mapping) else value
    return merged
