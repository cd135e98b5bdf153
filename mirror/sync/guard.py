"""Guard: is what the source lists to be believed? Pure.

A registry in trouble lists too little, with 200: a database that was restored, a token that lost its rights, a page
that was cut. Nothing may be overwritten or deleted because of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from mirror.errors import Doubtful

Tags = Mapping[str, AbstractSet[str]]


@dataclass(frozen=True, slots=True)
class Guard:
    """How much may disappear at once: a share (1 believes everything), and a number that never matters."""

    max_disappeared: float = 0.2
    at_least: int = 10


def check(known: Tags, listed: Tags, failed: Mapping[str, str], guard: Guard) -> None:
    """Raise Doubtful when `listed` is not believed.

    `known` are the tags of each repository that was seen before, `listed` what it lists now; one that is in
    neither `listed` nor `failed` was not found at all. `failed` are the repositories that refused (401, 403,
    404), with the reason.
    """
    if guard.max_disappeared >= 1:
        return
    if any(known.values()) and not listed and not failed:
        raise Doubtful("empty_listing", "the source shows none of the repositories that it had")
    for path in sorted(known):
        if path in failed and known[path]:
            raise Doubtful(
                "missing_repository",
                f"{path} had {_tags(known[path])} and now cannot be read: {failed[path]}",
            )
        if path in listed and known[path] and not listed[path]:
            raise Doubtful("empty_listing", f"{path} had {_tags(known[path])} and now lists none")
        _check_share(path, known[path], listed.get(path, frozenset()), guard)
    everything = {(path, tag) for path, tags in known.items() for tag in tags}
    left = {(path, tag) for path, tags in listed.items() for tag in tags}
    _check_share("the whole mirror", everything, left, guard)


def _check_share(where: str, known: AbstractSet[object], listed: AbstractSet[object], guard: Guard) -> None:
    gone = len(known - listed)
    if gone >= guard.at_least and gone > guard.max_disappeared * len(known):
        raise Doubtful(
            "shrunken_listing",
            f"{where}: {gone:,} of {len(known):,} tags are gone at once, more than guard.max_disappeared allows",
        )


def _tags(tags: AbstractSet[str]) -> str:
    return f"{len(tags):,} tag{'s' if len(tags) > 1 else ''}"
