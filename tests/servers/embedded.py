"""Two embedded registries with their faults, and whole passes between them, wired as a user's would be."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from mirror.bootstrap.site import Site
from mirror.config.model import Config
from mirror.config.reading import read
from mirror.demo.distribution import OciRegistry
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.images import Image
from mirror.demo.repository import Repository
from mirror.events import Event
from mirror.oci.descriptor import Descriptor
from mirror.sync.reconcile import Pass
from mirror.sync.report import Report
from mirror.transport.retry import Policy
from tests.servers.waiting import Skipping

PATH = "acme/app"
PASSWORD = "glpat-made-up-for-tests"


class Embedded:
    """A source and a target that run, and the mirror between them. Without arguments, GitLab and Google.

    `limits` are the configuration's. Every event of every pass is kept in `events`.
    """

    def __init__(
        self,
        source: OciRegistry | None = None,
        target: OciRegistry | None = None,
        *,
        policy: Policy | None = None,
        login: dict[str, str] | None = None,
        anonymous: bool = False,
        **limits: Any,
    ) -> None:
        """Start both.

        `login` is what the configuration says of a target that is neither GitLab nor Google; with `anonymous`
        it has no login for the source.
        """
        self.source = source or GitLabRegistry(users={"mirror": PASSWORD})
        self.target = target or GoogleRegistry()
        self.source.start()
        self.target.start()
        self.clock = Skipping()
        self.events: list[Event] = []
        self.report = Report("shop", self.source.host, self.target.host)
        self.env = {"GITLAB_TOKEN": PASSWORD}
        self._login = login
        self._anonymous = anonymous
        registries = {"source": self._describe(self.source), "target": self._describe(self.target)}
        self._file = {"registries": registries, "limits": limits}
        self._policy = policy or Policy(first=0.0, longest=0.0)
        self._site: Site | None = None

    def close(self) -> None:
        """Stop both; an error inside one of them is raised."""
        for registry in (self.source, self.target):
            registry.close()
            if registry.problems:
                raise registry.problems[0]

    def at_source(self, image: Image, *tags: str, path: str = PATH) -> Image:
        """Put an image into the source, without HTTP."""
        return image.store(self.source.storage.repository(path), *tags)

    def at_target(self, image: Image, *tags: str, path: str = PATH) -> Image:
        """Put an image into the target, without HTTP."""
        return image.store(self.landed(path), *tags)

    def landed(self, path: str = PATH) -> Repository:
        """Where a source repository goes."""
        prefix = f"{self.target.prefix}/" if isinstance(self.target, GoogleRegistry) else ""
        return self.target.storage.repository(prefix + path)

    def names(self, path: str = PATH) -> dict[str, str]:
        """The tags of the target, and the digests that they name."""
        return {name: str(tagged.digest) for name, tagged in self.landed(path).tags.items()}

    def broken(self, path: str = PATH) -> list[str]:
        """What is wrong at the target: what a tag leads to and is not there, or is not what its digest says."""
        place = self.landed(path)
        waiting, found = [tagged.digest for tagged in place.tags.values()], list[str]()
        while waiting:
            digest = waiting.pop()
            stored = place.find(digest)
            if stored is None or stored.manifest is None or not digest.matches(stored.raw):
                found.append(f"manifest {digest}")
                continue
            waiting += [child.digest for child in stored.manifest.manifests]
            found += [f"blob {blob.digest}" for blob in stored.manifest.blobs if not self._holds(place, blob)]
        return found

    def _holds(self, place: Repository, blob: Descriptor) -> bool:
        path = self.target.storage.path(blob.digest)
        whole = path.exists() and blob.digest.matches(path.read_bytes())
        return place.has(blob.digest) and whole and path.stat().st_size == blob.size

    def site(self, *paths: str, **mirror: Any) -> Site:
        """The registries of the configuration, alive; the same at every pass."""
        config = self._config({"repositories": paths or (PATH,), **mirror})
        if self._site is None:
            self._site = Site(config, self._observe, clock=self.clock, env=self.env, policy=self._policy)
        self._site.config = config
        return self._site

    def run(self, *paths: str, dry: bool = False, **mirror: Any) -> Report:
        """One pass over these repositories; keywords are those of a mirror in the configuration."""
        self.report = Report("shop", self.source.host, self.target.host)
        site = self.site(*paths, **mirror)
        with site.workers() as workers:
            made = site.mirror(site.config.mirrors[0])
            began = self.source.storage.now()
            Pass(made, workers, self._observe, began, time.monotonic).run(dry=dry)
        return self.report

    def written(self, folder: Path, *paths: str, **mirror: Any) -> Path:
        """The configuration as a file, for the command line; secrets are in `env`."""
        named = {"name": "shop", "source": "source", "target": "target", "repositories": paths or (PATH,)}
        path = folder / "config.yaml"
        path.write_text(json.dumps({**self._file, "mirrors": [{**named, **mirror}]}))  # JSON is YAML
        return path

    def of(self, kind: type[Event]) -> list[Any]:
        """The events of one kind, oldest first."""
        return [event for event in self.events if isinstance(event, kind)]

    def forget(self) -> None:
        """Begin the logs of both registries, of the clock and of the events anew."""
        for registry in (self.source, self.target):
            registry.forget()
        self.clock.waits.clear()
        self.events.clear()

    def _observe(self, event: Event) -> None:
        self.events.append(event)
        self.report.observe(event)

    def _config(self, mirror: dict[str, Any]) -> Config:
        named = {"name": "shop", "source": "source", "target": "target"}
        config: Config
        config, wrong = read(Config, {**self._file, "mirrors": [{**named, **mirror}]}, Path())
        assert not wrong, wrong
        return config

    def _describe(self, registry: OciRegistry) -> dict[str, Any]:
        reached = {"host": registry.host, "insecure": True}
        if isinstance(registry, GitLabRegistry):
            login = {"username": "mirror", "password_env": "GITLAB_TOKEN"}
            given = {} if self._anonymous else {"credentials": login}
            return {"kind": "gitlab", **reached, "api_url": registry.api_url, **given}
        if isinstance(registry, GoogleRegistry):
            self.env["GCR_KEY"] = json.dumps(registry.key)
            key = {"json_key_env": "GCR_KEY"}
            return {"kind": "google", **reached, "project": registry.project, "credentials": key}
        given = {"credentials": self._login} if self._login and registry is self.target else {}
        return {"kind": "oci", **reached, **given}
