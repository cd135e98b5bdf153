"""A daemon between two registries, embedded or real, on a clock that the test moves: hours pass in seconds."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mirror.bootstrap.station import Station
from mirror.config import load
from mirror.config.model import Config
from mirror.demo import images
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.repository import Repository
from mirror.events import Copied, Event, Failed
from mirror.service.daemon import Daemon
from mirror.service.ledger import Ledger
from mirror.state.memory import Memory
from mirror.state.records import State, TagRecord
from mirror.transport.clock import Clock

START = datetime(2026, 9, 21, 12, 0, tzinfo=UTC).timestamp()
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class HandClock(Clock):
    """Time that passes when somebody waits, and when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 1000.0
        self.skew = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> float:
        """Epoch seconds, which `skew` may make jump."""
        return START + self.seconds - 1000.0 + self.skew

    def wait(self, seconds: float) -> None:
        self.check()
        with self._lock:
            self.seconds += seconds


class Household(ABC):
    """Two registries, a configuration, and the daemon. `copied` and `failed` are what it has told so far.

    `dated`: the source says when a tag was pushed.
    """

    dated = False

    def __init__(self, folder: Path, **keys: Any) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.events: list[Event] = []
        self.path = folder / "config.yaml"
        self.configure(**keys)
        self.begin(Memory())

    @abstractmethod
    def ends(self) -> dict[str, dict[str, Any]]:
        """The registries of the configuration, `gitlab` and `google`."""

    @abstractmethod
    def push(self, *tags: str, name: str = "acme/shop/api", ago: float = 0.0, size: int = 2000) -> None:
        """Push an image of its own to the source for each tag; layers have about so many bytes."""

    @abstractmethod
    def take_down(self) -> None:
        """Nothing answers at the source's address any more."""

    @abstractmethod
    def bring_back(self) -> None:
        """It answers again, at the same address."""

    @abstractmethod
    def pulled(self, name: str = "acme/shop/api") -> set[str]:
        """The tags at the target; an error for one that is not whole, or not what the source has."""

    @abstractmethod
    def sent(self) -> Counter[str]:
        """How often each blob was uploaded to the target to its end."""

    def configure(self, mirrors: list[dict[str, Any]] | None = None, **keys: Any) -> Config:
        """Write the configuration anew; the keys of the only mirror, or whole mirrors."""
        top = {
            key: keys.pop(key) for key in ("service", "state", "guard", "retries", "limits") if key in keys
        }
        shop = {
            "name": "shop",
            "source": "gitlab",
            "target": "google",
            "repositories": ["acme/shop/**"],
            **keys,
        }
        self.path.write_text(json.dumps({"registries": self.ends(), "mirrors": mirrors or [shop], **top}))
        return load(self.path, {})

    def begin(self, state: State) -> None:
        """Start the daemon anew, with this memory."""
        config = load(self.path, {})
        ledger = Ledger(state, self.clock.now, lambda: 0.5)
        self.station = Station(config, ledger, {}, listen=self.events.append, clock=self.clock)

    @property
    def daemon(self) -> Daemon:
        """The daemon."""
        return self.station.daemon

    @property
    def source_host(self) -> str:
        """`host:port` of the source."""
        return str(self.ends()["gitlab"]["host"])

    def turn(self, times: int = 1) -> None:
        """Let the daemon do what is due, and move on to when the next thing is."""
        for _ in range(times):
            self.daemon.turn()
            self.clock.seconds += max(1.0, min(loop.delay for loop in self.daemon.loops.values()))

    def pass_time(self, seconds: float) -> None:
        """Live through so many seconds."""
        end = self.clock.seconds + seconds
        while self.clock.seconds < end:
            self.turn()

    @property
    def copied(self) -> list[str]:
        """The tags in the order in which they were copied."""
        return [event.tag for event in self.events if isinstance(event, Copied)]

    @property
    def failed(self) -> list[Failed]:
        """The failures so far."""
        return [event for event in self.events if isinstance(event, Failed)]

    def records(self) -> dict[str, TagRecord]:
        """What the ledger knows, by repository:tag."""
        found = self.daemon.ledger.records("shop")
        return {f"{record.key.repository}:{record.key.tag}": record for record in found}

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric; 0 when it has none yet."""
        return self.daemon.metrics.registry.get_sample_value(f"gcr_mirror_{name}", labels) or 0.0

    def frozen(self) -> str:
        """Why the mirror is frozen; empty when it is not."""
        trouble = self.daemon.standing().mirrors[0].frozen
        return trouble.reason if trouble else ""


class House(Household):
    """Between the two embedded registries."""

    dated = True

    def __init__(self, folder: Path, gitlab: GitLabRegistry, google: GoogleRegistry, **keys: Any) -> None:
        self.gitlab = gitlab
        self.google = google
        self.token = folder / "token"
        self.token.write_text("secret")
        (folder / "key.json").write_text(json.dumps(google.key))
        super().__init__(folder, **keys)

    def ends(self) -> dict[str, dict[str, Any]]:
        login = {"username": "mirror", "password_file": "token"}
        project = {
            "kind": "google",
            "project": self.google.project,
            "credentials": {"json_key_file": "key.json"},
        }
        gitlab = {"kind": "gitlab", "api_url": self.gitlab.api_url, "credentials": login}
        return {
            "gitlab": {**gitlab, "host": self.gitlab.host, "insecure": True},
            "google": {**project, "host": self.google.host, "insecure": True},
        }

    def repository(self, name: str = "acme/shop/api") -> Repository:
        """One of GitLab's repositories."""
        return self.gitlab.storage.repository(name)

    def mirrored(self, name: str = "acme/shop/api") -> Repository:
        """The same at Google."""
        return self.google.storage.repository(f"{self.google.project}/{name}")

    def push(self, *tags: str, name: str = "acme/shop/api", ago: float = 0.0, size: int = 2000) -> None:
        """Push an image to GitLab for each tag."""
        for tag in tags:
            images.image(f"{name} {tag}", size=size).store(self.repository(name), tag)
            self.repository(name).date(tag, datetime.fromtimestamp(self.clock.now() - ago, UTC))

    def take_down(self) -> None:
        self.gitlab.pause()

    def bring_back(self) -> None:
        self.gitlab.start()

    def pulled(self, name: str = "acme/shop/api") -> set[str]:
        mirrored = self.mirrored(name)
        for tag, tagged in mirrored.tags.items():
            stored = mirrored.manifests[tagged.digest]
            assert stored.manifest is not None
            assert tagged.digest == self.repository(name).tags[tag].digest
            assert all(mirrored.has(blob.digest) for blob in stored.manifest.blobs)
        return set(mirrored.tags)

    def sent(self) -> Counter[str]:
        return Counter(
            seen.query["digest"][0]
            for seen in self.google.requests
            if seen.method in {"PUT", "POST"} and seen.status == 201 and "digest" in seen.query
        )


@contextmanager
def house(folder: Path, **keys: Any) -> Iterator[House]:
    """A house, and its end. `keys` are those of the mirror, and the top ones of the configuration."""
    # The embedded registries keep the real time: tokens are refreshed by the lifetime that they name.
    with (
        GitLabRegistry(folder / "gitlab", token_lifetime=30 * DAY) as gitlab,
        GoogleRegistry(folder / "google") as google,
    ):
        yield House(folder, gitlab, google, **keys)


def days(count: float) -> timedelta:
    """So many days."""
    return timedelta(days=count)
