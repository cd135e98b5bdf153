"""Station: the daemon of one configuration, and how it takes over the next one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from mirror.bootstrap.expiry import expiry
from mirror.bootstrap.site import Site
from mirror.bootstrap.standing import prune_after
from mirror.config.model import Config, GoogleCredentials, PasswordCredentials
from mirror.config.model import Mirror as MirrorModel
from mirror.config.model import Registry as RegistryModel
from mirror.errors import ConfigError, StateDamaged, StateError
from mirror.events import Event, Observe, ignore
from mirror.registries.credentials import from_file
from mirror.service.daemon import Daemon, Settings
from mirror.service.job import Job, Side
from mirror.service.ledger import Ledger
from mirror.state.attempts import Patience
from mirror.state.memory import Memory
from mirror.state.records import State
from mirror.sync.guard import Guard
from mirror.sync.patterns import Patterns
from mirror.sync.workers import Workers
from mirror.transport.breaker import Endurance
from mirror.transport.clock import Clock
from mirror.transport.retry import Policy

# Longer than for a single command: the daemon has time, and a minute of 429 or 503 is no failure.
POLICY = Policy(attempts=10, attempts_when_limited=60, longest=60.0)


class Station:
    """A daemon, and the site that it works on."""

    def __init__(
        self,
        config: Config,
        ledger: Ledger,
        env: Mapping[str, str],
        *,
        listen: Observe = ignore,
        clock: Clock | None = None,
        policy: Policy = POLICY,
        endurance: Endurance | None = None,
    ) -> None:
        """`listen` hears every event."""
        self._env = env
        self._policy = policy
        self._endurance = endurance or Endurance()
        self.clock = clock or Clock()
        self.daemon = Daemon(ledger, self.clock.monotonic, random.random, listen)
        self.take_over(config)

    def take_over(self, config: Config) -> None:
        """Work by this configuration from now on. Raises ConfigError, and then nothing has changed."""
        site = Site(
            config,
            self._observe,
            clock=self.clock,
            env=self._env,
            policy=self._policy,
            endurance=self._endurance,
        )
        jobs = [job(site, model) for model in config.mirrors]
        settings = Settings(hook_secret(config), config.service.grace.total_seconds())
        self.daemon.ledger.patience = patience(config)
        self.daemon.swap(jobs, settings)

    def _observe(self, event: Event) -> None:
        self.daemon.observe(event)


def job(site: Site, model: MirrorModel) -> Job:
    """One mirror as the service sees it."""
    config = site.config
    mirror = site.mirror(model)
    return Job(
        mirror=mirror,
        source=side(site, model.source),
        target=side(site, model.target),
        interval=model.interval.total_seconds(),
        covers=Patterns.parse(model.repositories).matches,
        workers=lambda: Workers(config.limits.images, config.limits.blobs),
        holder=lambda path: site.target(model, path),
        guard=Guard(config.guard.max_disappeared, config.guard.at_least),
        prune_after=prune_after(model),
        recheck=model.recheck.total_seconds(),
    )


def side(site: Site, name: str) -> Side:
    """A registry of a mirror, with the files that its login is kept in."""
    model = site.config.registries[name]
    return Side(model.kind, site.registry(name), credential_files(model), expiry(site, name))


def credential_files(model: RegistryModel) -> tuple[Path, ...]:
    """The files whose change means that the login may have changed."""
    match model.credentials:
        case (
            PasswordCredentials(password_file=Path() as file)
            | GoogleCredentials(json_key_file=Path() as file)
        ):
            return (file,)
        case _:
            return ()


def hook_secret(config: Config) -> str:
    """The secret of the hooks; empty when none is configured. Raises ConfigError when its file cannot be read."""
    file = config.service.hook_secret_file
    return from_file(file)() if file else ""


def patience(config: Config) -> Patience:
    """When a tag that failed is tried again."""
    retries = config.retries
    return Patience(retries.first.total_seconds(), retries.longest.total_seconds(), retries.dead_after)


def open_state(config: Config, say: Callable[[str], None]) -> State:
    """The memory. A damaged file is set aside, so that the service starts: the next pass rebuilds it."""
    from mirror.state import engine  # noqa: PLC0415 - SQLAlchemy is for those who have a state
    from mirror.state.database import Database  # noqa: PLC0415

    url = config.state.url
    try:
        return Database(url)
    except StateDamaged as damaged:
        aside = engine.set_aside(url, time.time())
        if aside is None:
            raise
        say(f"{damaged}. It was moved to {aside}, and a new one begins")
        return Database(url)


def open_ledger(config: Config, say: Callable[[str], None], now: Callable[[], float] = time.time) -> Ledger:
    """The ledger on the memory; while that cannot be opened, on one that the process forgets."""
    try:
        state, detached = open_state(config, say), ""
    except StateError as error:
        say(str(error))
        state, detached = Memory(), str(error)
    return Ledger(state, now, random.random, patience(config), detached)


def check_same_state(old: Config, new: Config) -> None:
    """What cannot change while the daemon runs. Raises ConfigError."""
    for key, was, now in (
        ("state.url", old.state.url, new.state.url),
        ("service.listen", old.service.listen, new.service.listen),
    ):
        if was != now:
            raise ConfigError(f"{key} has changed, which needs a restart")
