"""Plan: what is wanted, compared with what is there. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from mirror.oci.content import Listing
from mirror.oci.descriptor import Platform
from mirror.oci.digest import Digest
from mirror.oci.tag import Tag

OnMovedTag = Literal["overwrite", "keep", "backup"]
_NONE: Mapping[Digest, Digest] = {}
_NOTHING: Mapping[str, Digest] = {}
# A tag has 128 characters at most; what a backup adds must fit.
_LONGEST_TAG = 128


class Rule(NamedTuple):
    """How one mirror copies. `platforms` empty means all of them, which alone preserves the digest of an index."""

    platforms: tuple[Platform, ...] = ()
    referrers: bool = True
    on_moved_tag: OnMovedTag = "overwrite"


class Placement(NamedTuple):
    """A tag to write, and the digest that it names at the target until then."""

    tag: str
    previous: Digest | None = None

    @property
    def backup(self) -> str | None:
        """The tag that keeps the previous digest: `1.0` becomes `1.0-before-1f2e3d4c5b6a`."""
        if self.previous is None:
            return None
        ending = f"-before-{self.previous.short}"
        return self.tag[: _LONGEST_TAG - len(ending)] + ending


class Copy(NamedTuple):
    """One image to bring over, once, and the tags that shall name it. No tag: only its referrers are missing."""

    root: Digest
    placements: tuple[Placement, ...]
    referrers: tuple[Digest, ...] = ()


class Plan(NamedTuple):
    """What a repository needs. `copies` keep the order of what was wanted; `unchanged` is each tag's digest there."""

    copies: tuple[Copy, ...] = ()
    unchanged: Mapping[str, Digest] = _NOTHING
    kept: tuple[Tag, ...] = ()


def plan(
    wanted: Iterable[Tag],
    target: Listing,
    rule: Rule,
    *,
    attached: frozenset[Digest] = frozenset(),
    expected: Mapping[Digest, Digest] = _NONE,
) -> Plan:
    """Compare. Every wanted tag has a digest; a target tag without one is unknown and is written again.

    `attached` are referrers known to be at the target. `expected` maps a source digest to the target's where
    they differ (a platform filter makes new indexes).
    """
    copies: dict[Digest, list[Placement]] = defaultdict(list)
    missing: dict[Digest, tuple[Digest, ...]] = {}
    unchanged: dict[str, Digest] = {}
    kept = []
    for tag in wanted:
        root = _known(tag)
        goal = expected.get(root, root)
        there = target.tags[tag.name].digest if tag.name in target.tags else None
        missing[root] = _missing_referrers(tag, attached) if rule.referrers and tag.referrers else ()
        if there is not None and there == goal:
            unchanged[tag.name] = there
            if missing[root]:
                copies[root] += []
        elif there is not None and rule.on_moved_tag == "keep":
            kept.append(tag)
        else:
            copies[root].append(Placement(tag.name, there))
    return Plan(
        copies=tuple(Copy(root, tuple(places), missing[root]) for root, places in copies.items()),
        unchanged=unchanged,
        kept=tuple(kept),
    )


def _missing_referrers(tag: Tag, attached: frozenset[Digest]) -> tuple[Digest, ...]:
    return tuple(referrer.digest for referrer in tag.referrers if referrer.digest not in attached)


def _known(tag: Tag) -> Digest:
    if tag.digest is None:
        raise ValueError(f"{tag.name} was planned before it was resolved")
    return tag.digest
