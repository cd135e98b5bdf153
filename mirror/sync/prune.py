"""Prune: which tags of the target may be deleted. Pure; and the thin act of deleting one.

Only what this program put there, only after complete listings of the source have lacked it for long enough,
and only while it still names what was put there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from mirror.errors import NotFound
from mirror.oci.descriptor import Descriptor


@dataclass(frozen=True, slots=True)
class Orphan:
    """A tag that the source no longer has. `ours` is the digest that this program put there last, if any."""

    repository: str
    tag: str
    ours: str | None
    absent_since: float


class Holder(Protocol):
    """A repository of the target that tags can be deleted from."""

    def resolve(self, reference: str) -> Descriptor:
        """What a tag names. Raises NotFound."""

    def delete(self, reference: str) -> None:
        """Delete a tag; one that is gone already is no error."""


def ripe(orphans: Iterable[Orphan], after: float | None, now: float) -> list[Orphan]:
    """Those that may be deleted; `after` is in seconds, None: never any.

    A time of absence in the future was written by a clock that has jumped back: it is not believed.
    """
    if after is None:
        return []
    return [found for found in orphans if found.ours and after <= now - found.absent_since]


def prune(holder: Holder, orphan: Orphan) -> bool:
    """Delete the tag if it still names what was put there. False: somebody else has moved it, so it stays."""
    try:
        if holder.resolve(orphan.tag).digest != orphan.ours:
            return False
    except NotFound:
        return True
    holder.delete(orphan.tag)
    return True
