"""Places: what a registry's keys mean for the paths in it."""

from __future__ import annotations

from mirror.config.model import GoogleRegistry, Mirror, Registry
from mirror.sync.mapping import Mapping, project_root


def root_of(registry: Registry) -> str:
    """The path that everything of a registry lies below: Google's project and repository."""
    if isinstance(registry, GoogleRegistry):
        return project_root(registry.project, registry.repository)
    return ""


def mapping_of(mirror: Mirror, source: Registry, target: Registry) -> Mapping:
    """Where the repositories of a mirror go."""
    return Mapping(target.host, root_of(target), mirror.prefix, root_of(source))
