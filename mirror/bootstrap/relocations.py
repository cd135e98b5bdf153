"""Relocations: what a configuration says of names, for those who pull."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mirror.bootstrap.site import credential
from mirror.config.model import Config, GoogleRegistry
from mirror.config.model import Registry as RegistryModel
from mirror.config.places import mapping_of
from mirror.errors import ConfigError
from mirror.oci.auth import Login
from mirror.registries.credentials import JsonKey, Password, from_file, service_account
from mirror.render.hosts_toml import Node
from mirror.render.relocation import Relocation
from mirror.sync.patterns import Patterns


def relocations(config: Config, names: Sequence[str] = ()) -> list[Relocation]:
    """One for each mirror, or for those that are named. ConfigError names the mirrors that there are."""
    known = {model.name: model for model in config.mirrors}
    for name in names:
        if name not in known:
            raise ConfigError(f"there is no mirror {name!r}; the configuration has {', '.join(known)}")
    found = []
    for model in known.values():
        if not names or model.name in names:
            source, goal = config.registries[model.source], config.registries[model.target]
            paths, patterns = mapping_of(model, source, goal), Patterns.parse(model.repositories)
            found.append(Relocation(model.name, source.host, paths, patterns))
    return found


def target(config: Config, names: Sequence[str] = ()) -> RegistryModel:
    """The one registry that these mirrors write to. ConfigError when there are several."""
    chosen = {model.target for model in config.mirrors if not names or model.name in names}
    relocations(config, names)
    if len(chosen) > 1:
        raise ConfigError(
            f"the mirrors write to several registries ({', '.join(sorted(chosen))}): name a --mirror"
        )
    return config.registries[chosen.pop()]


def node(config: Config, names: Sequence[str], dial_timeout: str, login: Login | None) -> Node:
    """How nodes reach the one source and the one target of these mirrors."""
    sources = {model.source for model in config.mirrors if not names or model.name in names}
    to = target(config, names)
    if len({config.registries[name].host for name in sources}) > 1:
        raise ConfigError(
            f"the mirrors read from several registries ({', '.join(sorted(sources))}): name a --mirror"
        )
    return Node(_url(config.registries[sources.pop()]), _url(to), dial_timeout, login)


def reader(
    registry: RegistryModel,
    key_file: Path | None,
    user: tuple[str, Path] | None = None,
    *,
    force: bool = False,
    env: Mapping[str, str] = os.environ,
) -> Login:
    """A login that may only pull: a service account's key, or a user and a file with the password.

    ConfigError when it cannot be one, or is the login that the mirror itself pushes with (unless forced).
    """
    if isinstance(registry, GoogleRegistry):
        if key_file is None:
            raise ConfigError(
                "which key may pods pull with? Name one with --key-file: a key of a service account that has only "
                "roles/artifactregistry.reader (`gcr-mirror setup google --reader` makes the account)"
            )
        login = JsonKey(from_file(key_file)).login()
    elif user is None:
        raise ConfigError(
            f"{registry.host} is no Google host: name the reader with --username and --password-file"
        )
    else:
        login = Password(user[0], from_file(user[1])).login()
    if not force and _who(login) == _own(registry, env):
        raise ConfigError(
            f"this is who the mirror itself pushes as ({_who(login)}): every pod could overwrite the mirror. Use an "
            "account that can only read, or say --force"
        )
    return login


def _who(login: Login) -> str:
    return (
        str(service_account(login.password)["client_email"])
        if login.username == "_json_key"
        else login.username
    )


def _own(registry: RegistryModel, env: Mapping[str, str]) -> str | None:
    """Who the mirror is; None when that cannot be told here, where its secrets may not be."""
    if registry.credentials is None or getattr(registry.credentials, "adc", False):
        return None
    try:
        login = credential(registry, env).login()
    except ConfigError:
        return None
    return _who(login) if login else None


def _url(registry: RegistryModel) -> str:
    return f"{'http' if registry.insecure else 'https'}://{registry.host}"
