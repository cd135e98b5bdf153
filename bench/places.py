"""Places: a source and a target registry on loopback, filled, counted, and if need be far away."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Protocol, Self

from bench.embedded import PASSWORD, USER
from bench.filling import fill
from bench.shapes import Images
from bench.stopwatch import cpu
from tests.servers.certificates import Authority
from tests.servers.process import Process
from tests.servers.registry import Registry, Variant
from tests.servers.skopeo import authfile

Counts = Mapping[str, Mapping[str, int]]


class Place(AbstractContextManager["Place"], Protocol):
    """Where a work is done: two registries, as the tools reach them."""

    source: str
    target: str
    prefix: str
    images: Images
    folder: Path
    ca: Path | None
    logins: Path | None

    def configuration(self) -> dict[str, Any]:
        """The two registries in the words of config.yaml."""

    def renew(self) -> None:
        """Make ready for the next command: an empty target where the work is a cold one, and no counts."""

    def counts(self) -> Counts:
        """Requests by side and method since `renew`."""

    def busy(self) -> float:
        """CPU seconds that the registries have used since `renew`."""


class Real:
    """Debian's docker-registry on both sides; `warm` fills the target too. `delay` is a round trip, in ms."""

    prefix = ""
    logins: Path | None = None

    def __init__(
        self, folder: Path, images: Images, *, warm: bool = False, tls: bool = False, delay: float = 0
    ) -> None:
        self.folder, self.images = folder, images
        self._warm, self._delay = warm, delay
        folder.mkdir(parents=True, exist_ok=True)
        authority = Authority(folder) if tls else None
        self.ca = authority.file if authority else None
        self._variant = Variant(tls=authority.server()) if authority else Variant()
        self._stack = ExitStack()
        self._runs = 0
        self._from = Registry(folder / "source", self._variant)
        self._to: Registry | None = None
        self._stack.callback(self._from.stop)
        fill(self._from.url, images, ca_file=self._ca)
        self.source = self._far(self._from, "far-source", self._stack)
        self.target = ""
        self._targets = ExitStack()
        self._used = 0.0

    def __enter__(self) -> Self:
        """The registries run already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything and throw it away."""
        self._targets.close()
        self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def configuration(self) -> dict[str, Any]:
        """Both by the specification alone."""
        trust: dict[str, Any] = {"ca_file": self._ca} if self.ca else {"insecure": True}
        return {
            "from": {"kind": "oci", "host": self.source, **trust},
            "to": {"kind": "oci", "host": self.target, **trust},
        }

    def renew(self) -> None:
        """An empty target, unless the work is a warm one."""
        if self._to is None or not self._warm:
            self._targets.close()
            self._runs += 1
            place = self.folder / f"target-{self._runs}"
            self._to = Registry(place, self._variant)
            self._targets.callback(shutil.rmtree, place, ignore_errors=True)
            self._targets.callback(self._to.stop)
            if self._warm:
                fill(self._to.url, self.images, ca_file=self._ca)
            self.target = self._far(self._to, f"far-target-{self._runs}", self._targets)
        for registry in (self._from, self._to):
            registry.forget_requests()
        self._used = self._cpu()

    def counts(self) -> Counts:
        """From the access logs of the registries."""
        sides = {"source": self._from, "target": self._to}
        return {
            side: Counter(request.method for request in registry.requests())
            for side, registry in sides.items()
            if registry
        }

    def busy(self) -> float:
        """Of both; what the delaying proxies use is not counted."""
        return self._cpu() - self._used

    def _cpu(self) -> float:
        return sum(cpu(registry.pid) for registry in (self._from, self._to) if registry)

    @property
    def _ca(self) -> str | None:
        return str(self.ca) if self.ca else None

    def _far(self, registry: Registry, name: str, stack: ExitStack) -> str:
        """The registry's address, or that of a proxy that delays what passes: half on the way there, half back."""
        if not self._delay:
            return registry.host
        folder = self.folder / name
        folder.mkdir()
        words = [sys.executable, "-m", "bench.delay", registry.host, str(self._delay / 2)]
        proxy = Process(words, folder)
        stack.callback(proxy.stop)
        return _first_line(proxy)


class Listing:
    """The embedded registries in a process of their own, both sides the same; `delay` in ms before each answer."""

    ca: Path | None = None

    def __init__(self, folder: Path, images: Images, *, delay: float = 0) -> None:
        self.folder, self.images = folder, images
        folder.mkdir(parents=True, exist_ok=True)
        shape = [str(len(images)), str(len(next(iter(images.values()))))]
        words = [sys.executable, "-m", "bench.embedded", *shape, "--delay", str(delay)]
        self._used = 0.0
        self._server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        sites = self._read()
        self.source, self.target, self.prefix = sites["gitlab"], sites["google"], sites["prefix"]
        self._project = sites["project"]
        (folder / "token").write_text(PASSWORD)
        (folder / "key.json").write_text(json.dumps(sites["key"]))
        logins = {self.source: (USER, PASSWORD), self.target: ("_json_key", json.dumps(sites["key"]))}
        self.logins: Path | None = authfile(folder / "config.json", logins)

    def __enter__(self) -> Self:
        """The process runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._server.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def configuration(self) -> dict[str, Any]:
        """GitLab and Google, with their logins."""
        user = {"username": USER, "password_file": str(self.folder / "token")}
        key = {"json_key_file": str(self.folder / "key.json")}
        return {
            "from": {"kind": "gitlab", "host": self.source, "insecure": True, "credentials": user},
            "to": {
                "kind": "google",
                "host": self.target,
                "insecure": True,
                "project": self._project,
                "credentials": key,
            },
        }

    def renew(self) -> None:
        """Empty the logs."""
        self._order("forget")
        self._used = cpu(self._server.pid)

    def new_tag(self, name: str) -> None:
        """One more image at the source, under a new tag."""
        self._order(f"new {name}")

    def counts(self) -> Counts:
        """From the logs of the embedded registries."""
        found: Counts = self._order("counts")
        return found

    def busy(self) -> float:
        """Of the process that is both."""
        return cpu(self._server.pid) - self._used

    def _order(self, words: str) -> Any:
        assert self._server.stdin
        self._server.stdin.write(words + "\n")
        self._server.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._server.stdout
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the embedded registries have ended")
        return json.loads(line)


def _first_line(proxy: Process) -> str:
    while not (text := proxy.stdout.read_text()).endswith("\n"):
        if not proxy.running:
            raise RuntimeError(f"the delaying proxy has ended: {proxy.stderr.read_text()}")
        time.sleep(0.01)
    return text.strip()
