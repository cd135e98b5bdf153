"""Recollection: what a target that lists no digests was last seen to hold, believed for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mirror.oci.digest import Digest
from mirror.service.ledger import Ledger


@dataclass
class Recollection:
    """Of one mirror; only of what this process asked for or wrote itself, so a restart asks for everything.

    Times are monotonic seconds, `jitter` is 0 to 1: a repository is believed for `lasts` less up to a half, so that
    they are not all asked for again in the same pass.
    """

    mirror: str
    ledger: Ledger
    clock: Callable[[], float]
    jitter: Callable[[], float]
    lasts: float
    _until: dict[str, float] = field(default_factory=dict)

    def __call__(self, repository: str, tags: Iterable[str]) -> Mapping[str, Digest]:
        """What the target holds under those of `tags` that are believed; none when it is time to ask again."""
        now = self.clock()
        if now < self._until.get(repository, now):
            return self.ledger.held(self.mirror, repository, tags)
        self._until[repository] = now + self.lasts * (1 - self.jitter() / 2)
        return {}

    def forget(self) -> None:
        """Something was not as it should be: ask for everything again."""
        self._until.clear()
