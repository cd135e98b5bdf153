"""Secrets: the pull secrets that a pod would have if it were made while the switch is on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, cached_property

from mirror.cluster.server import Json, Server
from mirror.render.failover import NAMESPACE_LABEL, SWITCH_LABEL


class PullSecrets:
    """Each Secret is read once."""

    def __init__(self, server: Server) -> None:
        """Nothing is read yet."""
        self._server = server
        self._read = cache(server.secret)

    def of(self, namespace: str, named: Iterable[str]) -> list[Json]:
        """Those that a pod names and those that the failover would add, as far as they exist."""
        names = [*named, *(self._added if namespace in self._taking_part else ())]
        return [one for name in dict.fromkeys(names) if (one := self._read(namespace, name))]

    @cached_property
    def _taking_part(self) -> frozenset[str]:
        return frozenset(self._server.namespaces("=".join(NAMESPACE_LABEL)))

    @cached_property
    def _added(self) -> tuple[str, ...]:
        switches = self._server.switches("=".join(SWITCH_LABEL))
        return tuple(name for one in switches if (name := (one.get("data") or {}).get("pullSecret")))
