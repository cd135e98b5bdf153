"""Checkup: the checks that a configuration calls for."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from mirror.bootstrap.connection import connect
from mirror.bootstrap.site import Site
from mirror.checks import credentials as credential_checks
from mirror.checks.check import Check
from mirror.checks.credentials import google_credentials
from mirror.checks.docker_login import docker_login
from mirror.checks.gitlab import Source, gitlab, pulls
from mirror.checks.google import Target, google, pushes
from mirror.checks.google_api import GoogleApi
from mirror.checks.identity import member
from mirror.checks.keyless import Machine
from mirror.checks.network import network
from mirror.checks.place import TIMEOUTS, Place
from mirror.checks.quota import Pace
from mirror.config.model import Config, GitLabRegistry, GoogleRegistry
from mirror.config.model import Registry as RegistryModel
from mirror.config.places import mapping_of, root_of
from mirror.events import ignore
from mirror.oci.auth import Credential
from mirror.oci.repository import Repository
from mirror.registries.artifact_registry import Home, is_google
from mirror.registries.denials import placeholders
from mirror.registries.gitlab import tags as gitlab_tags
from mirror.sync.patterns import Patterns
from mirror.transport.client import Client
from mirror.transport.retry import Policy

# What is asked for where a mirror names no repository outright; nothing is ever written there.
_NOWHERE = "gcr-mirror-check"


def checks(config: Config, env: Mapping[str, str]) -> list[Check]:
    """Every check that can be run from here, registry by registry."""
    site = Site(config, ignore, env=env)
    return [
        one
        for name, model in config.registries.items()
        for one in _Inspection(site, name, model, env).checks()
    ]


class _Inspection:
    """One registry of the configuration, and what its mirrors want of it."""

    def __init__(self, site: Site, name: str, model: RegistryModel, env: Mapping[str, str]) -> None:
        self._site = site
        self._env = env
        self._name = name
        self._model = model
        self._ca_file = str(model.ca_file) if model.ca_file else None
        self._credential: Credential = site.credential(model)
        patterns = [Patterns.parse(one.repositories) for one in site.config.mirrors if one.source == name]
        own = root_of(model)
        literals = (path for one in patterns for path in one.literals)
        self._sourced = bool(patterns)
        self._literals = tuple(dict.fromkeys(f"{own}/{path}" if own else path for path in literals))
        self._roots = tuple(dict.fromkeys(root for one in patterns for root in one.roots if root))

    def checks(self) -> list[Check]:
        """The way there, the login, and what the vendor adds."""
        place = self._place()
        file = getattr(self._model.credentials, "password_file", None) or getattr(
            self._model.credentials, "json_key_file", None
        )
        secret = credential_checks.secret_file(place, Path(file)) if file else []
        return [*network(place), *secret, *docker_login(place), *self._vendor(place)]

    def _vendor(self, place: Place) -> list[Check]:
        match self._model:
            case GitLabRegistry() as model:
                # Whether one may push is not looked at: GitLab makes a repository for whoever asks for that right.
                return gitlab(self._source(place, model))
            case GoogleRegistry() as model if self._targets():
                login = credential_checks.google_login(
                    place, model.project, self._client(model.host), Machine(self._env)
                )
                return [*login, *google(self._target(place, model))]
            case _:
                own = pulls(place, self._literals) if self._sourced else []
                return [*own, *pushes(Target(place, self._targets()))]

    def _place(self) -> Place:
        registry = connect(
            self._model.host,
            self._credential,
            observe=ignore,
            clock=self._site.clock,
            insecure=self._model.insecure,
            ca_file=self._ca_file,
            policy=Policy(attempts=1, attempts_to_connect=1),
            timeouts=TIMEOUTS,
        )
        home = _home(self._model)
        known = placeholders(home) if home else self._owner()
        return Place(
            self._name,
            registry,
            self._client(self._model.host),
            self._credential,
            known,
            self._ca_file,
            member=cache(partial(member, self._credential)),
        )

    def _owner(self) -> dict[str, str]:
        """Whose a new token of GitLab's would be, of which kind, and where it is kept."""
        if not isinstance(self._model, GitLabRegistry):
            return {}
        path = next(iter((*self._literals, *self._roots)), "")
        given = self._model.credentials
        name = given.username if given else "gcr-mirror"
        wish: dict[str, Any] = {"name": "gcr-mirror", "username": name, "scopes": ["read_registry"]}
        known = {"GITLAB": self._model.gitlab, "GROUP": path.partition("/")[0]}
        if self._roots:  # Deploy tokens cannot list repositories.
            wish = {"name": "gcr-mirror", "scopes": ["read_api", "read_registry"], "access_level": 20}
            known["TOKEN_KIND"] = "access_tokens"
        if given and given.password_file:
            known["TOKEN_SAVED"] = f"| jq -er .token >{shlex.quote(str(given.password_file))}"
        return {**known, "TOKEN_WISH": json.dumps(wish).replace("'", "\\u0027")}  # it stands between quotes

    def _source(self, place: Place, model: GitLabRegistry) -> Source:
        def repository(path: str) -> Repository:
            return Repository(place.registry, path, push=False, lister=gitlab_tags, observe=ignore)

        def token() -> str | None:
            login = self._credential.login()
            return login.password if login else None

        api = self._client(model.host)
        return Source(place, repository, model.gitlab, api, token, self._literals, self._roots)

    def _target(self, place: Place, model: GoogleRegistry) -> Target:
        home = _home(model)
        return Target(
            place,
            self._targets(),
            home=home,
            api=lambda: GoogleApi.of(google_credentials(self._credential.login())),
            prune=any(one.prune for one in self._site.config.mirrors if one.target == self._name),
            pace=self._pace(home),
        )

    def _pace(self, home: Home | None) -> Pace:
        """Every registry of the configuration has a limit of its own; Google counts by project and location."""
        homes = [_home(one) for one in self._site.config.registries.values()]
        shared = sum(one.parent == home.parent for one in homes if one and home)
        return Pace(self._site.config.limits.requests_per_second, max(1, shared))

    def _targets(self) -> tuple[str, ...]:
        """One path for each mirror: rights at a target do not differ from image to image."""
        config, found = self._site.config, dict[str, None]()
        for mirror in config.mirrors:
            if mirror.target == self._name:
                patterns = Patterns.parse(mirror.repositories)
                path = next(iter(patterns.literals), None) or "/".join(
                    filter(None, (next(iter(patterns.roots), ""), _NOWHERE))
                )
                paths = mapping_of(mirror, config.registries[mirror.source], self._model)
                found[paths.target(path)] = None
        return tuple(found)

    def _client(self, host: str) -> Client:
        return Client(host, observe=ignore, ca_file=self._ca_file, timeouts=TIMEOUTS)


def _home(model: RegistryModel) -> Home | None:
    if not isinstance(model, GoogleRegistry) or not is_google(model.host):
        return None
    return Home.of(model.host, model.project, model.repository)
