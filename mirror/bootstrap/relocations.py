"""Relocations: what a configuration says of names, for those who pull."""

from __future__ import annotations

from collections.abc import Sequence

from mirror.config.model import Config
from mirror.config.model import Registry as RegistryModel
from mirror.config.places import mapping_of
from mirror.errors import ConfigError
from mirror.oci.auth import Login
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


def _url(registry: RegistryModel) -> str:
    return f"{'http' if registry.insecure else 'https'}://{registry.host}"
