"""Deletions: what `prune` will delete from the targets, as `sync --dry-run` and `status` say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mirror.errors import StateError

if TYPE_CHECKING:
    from mirror.config.model import Config
    from mirror.config.model import Mirror as MirrorModel
    from mirror.service.standing import Doomed


class Foreseen(NamedTuple):
    """What the state says of one mirror; `unknown` is why it cannot be read."""

    mirror: str
    prunes: bool
    doomed: tuple[Doomed, ...] | None = ()
    unknown: str = ""

    def as_json(self) -> list[dict[str, Any]] | None:
        """As in `status --json`; None: not known."""
        if self.unknown:
            return None
        return [{"target": one.target, "at": one.at} for one in self.doomed or ()]

    def lines(self, now: float) -> list[str]:
        """For people; nothing of a mirror that does not prune."""
        if not self.prunes:
            return []
        if self.unknown:
            return [f"{self.mirror}: what prune would delete is not known: {self.unknown}"]
        if self.doomed is None:
            return [
                f"{self.mirror}: prune would delete nothing: there is no state yet that remembers its copies"
            ]
        if not self.doomed:
            return [f"{self.mirror}: prune would delete nothing"]
        return [
            f"{self.mirror}: prune will delete, because the source no longer has them:",
            *named(self.doomed, now),
        ]


def foresee(config: Config, model: MirrorModel) -> Foreseen:
    """What the daemon will delete, by a state that is only read. A state that fails stops nobody from looking."""
    from mirror.bootstrap.standing import to_be_deleted

    if not model.prune:
        return Foreseen(model.name, prunes=False)
    try:
        return Foreseen(model.name, prunes=True, doomed=to_be_deleted(config, model))
    except StateError as error:
        return Foreseen(model.name, prunes=True, unknown=str(error))


def named(doomed: tuple[Doomed, ...], now: float) -> list[str]:
    """One line for each tag, with the time that is left."""
    return [f"  {one.target}  {_when(one.at - now)}" for one in doomed]


def _when(seconds: float) -> str:
    from mirror.service.showing import duration

    return f"in {duration(seconds)}" if seconds > 0 else "with the next pass"
