"""Crosscheck: what is wrong between keys that are right on their own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

from mirror.config.findings import Complaint, Path
from mirror.config.model import GitLabRegistry, GoogleRegistry, Mirror, Registry
from mirror.config.places import mapping_of
from mirror.config.wording import nearest
from mirror.errors import ConfigError
from mirror.sync.mapping import Mapping as Place
from mirror.sync.overlap import common_path
from mirror.sync.patterns import Patterns

GCR_HOSTS = ("gcr.io", "us.gcr.io", "eu.gcr.io", "asia.gcr.io")
_PKG_HOST = re.compile(r"[a-z0-9-]+-docker\.pkg\.dev")


class Route:
    """A mirror whose registries are known, with its place in the file."""

    def __init__(self, index: int, mirror: Mirror, source: Registry, target: Registry) -> None:
        """`index` counts the mirrors from 0."""
        self.index = index
        self.mirror = mirror
        self.source = source
        self.target = target

    @cached_property
    def place(self) -> Place:
        """Where it writes."""
        return mapping_of(self.mirror, self.source, self.target)

    @cached_property
    def patterns(self) -> Patterns:
        """What it reads, below the source's root."""
        return Patterns.parse(self.mirror.repositories)

    @cached_property
    def written(self) -> Patterns:
        """What it writes, as whole paths at the target."""
        return self.patterns.under(self.place.base)

    @cached_property
    def read(self) -> Patterns:
        """What it reads, as whole paths at the source."""
        return self.patterns.under(self.place.source_root)

    def path(self, key: str) -> Path:
        """The path of one of its keys in the file."""
        return ("mirrors", self.index, key)


def check_names(registries: Sequence[str], mirrors: Mapping[int, Mapping[str, Any]]) -> Iterator[Complaint]:
    """Mirrors that share a name, and registries that are named but not there; `mirrors` is what the file says."""
    taken: dict[Any, int] = {}
    for index, mirror in mirrors.items():
        path, name, source = ("mirrors", index), mirror.get("name"), mirror.get("source")
        first = taken.setdefault(name, index) if isinstance(name, str) else index
        if first != index:
            yield (*path, "name"), f"{name!r} is the name of mirrors[{first}] already; write another"
        for key in ("source", "target"):
            registry = mirror.get(key)
            if isinstance(registry, str) and registry not in registries:
                hint = nearest(registry, registries) or f"; known are {', '.join(registries)}"
                yield (*path, key), f"no registry has the name {registry!r}{hint}"
        if isinstance(source, str) and source == mirror.get("target"):
            yield (*path, "target"), f"is the source itself, {source!r}; name another registry"


def check_places(registries: Mapping[str, Registry], mirrors: Mapping[int, Mirror]) -> Iterator[Complaint]:
    """Registries and mirrors that are right on their own but not together."""
    for name, registry in registries.items():
        yield from _registry(("registries", name), registry)
    routes = list(_routes(registries, mirrors))
    for route in routes:
        yield from _discovery(route)
        yield from _ends(route)
    for first, second in combinations(routes, 2):
        yield from _same_place(first, second)


def _registry(path: Path, registry: Registry) -> Iterator[Complaint]:
    if registry.insecure and registry.ca_file is not None:
        yield (*path, "ca_file"), "means nothing with insecure: true; remove one of them"
    if not isinstance(registry, GoogleRegistry):
        return
    host = registry.host
    if host in GCR_HOSTS and registry.repository is not None:
        yield (
            (*path, "repository"),
            f"{host} has no repositories within a project; remove it or use a pkg.dev host",
        )
    elif _PKG_HOST.fullmatch(host) and registry.repository is None:
        yield (*path, "repository"), f"is missing; {host} wants the name of the Artifact Registry repository"
    elif host.endswith((".gcr.io", ".pkg.dev")) and host not in GCR_HOSTS and not _PKG_HOST.fullmatch(host):
        known = (*GCR_HOSTS, "europe-west1-docker.pkg.dev")
        yield (
            (*path, "host"),
            f"{host!r} is no registry of Google; known are {', '.join(known)} and other regions",
        )


def _routes(registries: Mapping[str, Registry], mirrors: Mapping[int, Mirror]) -> Iterator[Route]:
    for index, mirror in mirrors.items():
        source, target = registries.get(mirror.source), registries.get(mirror.target)
        if source is not None and target is not None and source is not target:
            yield Route(index, mirror, source, target)


def _ends(route: Route) -> Iterator[Complaint]:
    """What can be said of the names at both ends before any repository is discovered."""
    common = common_path(route.read, route.written) if route.source.host == route.target.host else None
    if common is not None:
        place = f"{route.target.host}/{common}"
        yield (
            route.path("target"),
            f"the mirror would read what it writes, such as {place}; set another prefix",
        )
    for path in route.patterns.literals:
        try:
            route.place.target(path)
        except ConfigError as error:
            yield route.path("repositories"), f"{path[:80]!r} has no place at the target: {error}"


def _discovery(route: Route) -> Iterator[Complaint]:
    source = route.source
    if not isinstance(source, GitLabRegistry):
        return
    if "" in route.patterns.roots:
        yield (
            route.path("repositories"),
            "begins with no group or project, and GitLab does not list everything; write such as 'acme/**'",
        )
    if source.api_url is not None:
        return
    # Only of registry.gitlab.example is it clear that gitlab.example is the GitLab.
    is_clear = source.host.startswith("registry.") and ":" not in source.host
    if route.patterns.roots and not is_clear:
        place = f"registries.{route.mirror.source}"
        yield (
            route.path("repositories"),
            (
                f"a glob asks GitLab which repositories there are; add api_url to {place}, or name each repository"
            ),
        )


def _same_place(first: Route, second: Route) -> Iterator[Complaint]:
    if first.target.host != second.target.host:
        return
    common = common_path(first.written, second.written)
    if common is not None:
        yield (
            second.path("repositories"),
            (
                f"writes to the same place as {first.mirror.name!r}, such as {second.target.host}/{common}; "
                "set another prefix, or exclude it in one of them with '!'"
            ),
        )
