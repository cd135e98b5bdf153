"""Site: the registries and mirrors of one configuration, alive."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache, partial
from pathlib import Path

from mirror.bootstrap.connection import connect
from mirror.config.model import Config, GitLabRegistry, GoogleCredentials, GoogleRegistry, PasswordCredentials
from mirror.config.model import Mirror as MirrorModel
from mirror.config.model import Registry as RegistryModel
from mirror.config.places import mapping_of, root_of
from mirror.events import Observe
from mirror.oci.auth import Credential
from mirror.oci.descriptor import Platform
from mirror.oci.registry import Registry
from mirror.oci.repository import Repository
from mirror.registries import Flavour, credentials
from mirror.registries.generic import Generic
from mirror.registries.gitlab import GitLab
from mirror.registries.google import Google
from mirror.registries.json_key import JsonKey
from mirror.sync.patterns import Patterns
from mirror.sync.plan import Rule
from mirror.sync.reconcile import Mirror
from mirror.sync.selection import Selection, TagPattern
from mirror.sync.versions import Range
from mirror.sync.workers import Workers
from mirror.transport.breaker import Endurance
from mirror.transport.clock import Clock
from mirror.transport.retry import Policy


class Site:
    """The registries and mirrors of one configuration, alive. Registries are made when first asked for."""

    def __init__(
        self,
        config: Config,
        observe: Observe,
        *,
        clock: Clock | None = None,
        env: Mapping[str, str] = os.environ,
        policy: Policy | None = None,
        endurance: Endurance | None = None,
    ) -> None:
        """`observe` hears everything that happens at every registry and mirror; `endurance` as in `connect`."""
        self.config = config
        self.clock = clock or Clock()
        self._observe = observe
        self._env = env
        self._policy = policy or Policy()
        self._endurance = endurance
        self.registry = cache(self._registry)

    def workers(self) -> Workers:
        """The threads; to be used in a `with`."""
        return Workers(self.config.limits.images, self.config.limits.blobs)

    def mirror(self, model: MirrorModel) -> Mirror:
        """One mirror, ready for passes."""
        source, target = self.config.registries[model.source], self.config.registries[model.target]
        paths = mapping_of(model, source, target)
        return Mirror(
            name=model.name,
            discover=partial(self.discover, model.source, Patterns.parse(model.repositories)),
            source=lambda path: self.repository(model.source, paths.source(path)),
            target=lambda path: self.repository(model.target, paths.target(path), push=True),
            selection=selection(model),
            rule=rule(model),
        )

    def target(self, model: MirrorModel, path: str) -> Repository:
        """Where a mirror keeps the repository `path` of its source."""
        source, target = self.config.registries[model.source], self.config.registries[model.target]
        paths = mapping_of(model, source, target)
        return self.repository(model.target, paths.target(path), push=True)

    def repository(self, name: str, path: str, *, push: bool = False) -> Repository:
        """The repository at `path` of the registry called `name`."""
        lister = self.flavour(name).lister
        return Repository(self.registry(name), path, push=push, lister=lister, observe=self._observe)

    def discover(self, name: str, patterns: Patterns) -> list[str]:
        """The repositories that the patterns mean, as paths below the registry's project."""
        own = root_of(self.config.registries[name])
        found = dict.fromkeys(patterns.literals)
        for below in patterns.roots:
            listed = self.flavour(name).discover(self.registry(name), "/".join(filter(None, (own, below))))
            paths = (path.removeprefix(own).lstrip("/") for path in listed)
            found.update(dict.fromkeys(path for path in paths if patterns.matches(path)))
        return list(found)

    def flavour(self, name: str) -> Flavour:
        """The vendor's ways of the registry called `name`."""
        model = self.config.registries[name]
        match model:
            case GoogleRegistry():
                return Google()
            case GitLabRegistry():
                credential = self.credential(model)
                return GitLab(
                    model.gitlab,
                    token=lambda: login.password if (login := credential.login()) else None,
                    observe=self._observe,
                    ca_file=str(model.ca_file) if model.ca_file else None,
                )
            case _:
                return Generic()

    def credential(self, model: RegistryModel) -> Credential:
        """Where the login of a registry comes from."""
        return credential(model, self._env)

    def _registry(self, name: str) -> Registry:
        model = self.config.registries[name]
        limits = self.config.limits
        return connect(
            model.host,
            self.credential(model),
            observe=self._observe,
            clock=self.clock,
            insecure=model.insecure,
            ca_file=str(model.ca_file) if model.ca_file else None,
            parallel=limits.images + limits.blobs,
            rate=limits.requests_per_second,
            bandwidth=limits.bandwidth,
            policy=self._policy,
            endurance=self._endurance,
        )


def credential(model: RegistryModel, env: Mapping[str, str]) -> Credential:
    """Where the login of a registry comes from."""
    match model.credentials:
        case PasswordCredentials() as given:
            return credentials.Password(given.username, _secret(given.password_file, given.password_env, env))
        case GoogleCredentials(adc=True):
            from mirror.registries.google_auth import ApplicationDefault  # noqa: PLC0415 - google-auth is heavy

            return ApplicationDefault()
        case GoogleCredentials() as given:
            file, variable = given.json_key_file, given.json_key_env
            named = f"the JSON key {file or f'in the variable {variable}'}"
            return JsonKey(_secret(file, variable, env), named)
        case _:
            return credentials.DockerConfig(model.host, root_of(model))


def selection(model: MirrorModel) -> Selection:
    """The tag filter of a mirror."""
    tags = model.tags
    return Selection(
        include=tuple(map(TagPattern.parse, tags.include)),
        exclude=tuple(map(TagPattern.parse, tags.exclude)),
        semver=Range.parse(tags.semver) if tags.semver else None,
        newest=tags.newest,
        max_age=tags.max_age,
    )


def rule(model: MirrorModel) -> Rule:
    """How a mirror copies."""
    names: Iterable[str] = () if model.platforms == "all" else model.platforms
    return Rule(tuple(map(Platform.parse, names)), model.referrers, model.on_moved_tag)


def _secret(file: Path | None, variable: str | None, env: Mapping[str, str]) -> credentials.Read:
    return credentials.from_file(file) if file else credentials.from_variable(variable or "", env)
