"""Selection: which tags of a repository are wanted.

In this order: names (`include`, `exclude`), versions (`semver`), age (`max_age`), count (`newest`). A tag
whose time is unknown is never dropped for its age, and does not count among the newest: to keep too much is
harmless. Where `semver` is set and times are missing, the newest are the highest versions. Signature tags of
cosign are not selected by name; they go with their image (`companions`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple, Self

from mirror.errors import ConfigError
from mirror.oci.digest import Digest
from mirror.oci.tag import Tag
from mirror.sync.patterns import Glob
from mirror.sync.versions import Range, precedence, version_of

# cosign's signatures, attestations and SBOMs; without suffix the referrers' fallback tag of the distribution
# specification, which cuts the hash to 64 digits.
_COMPANION = r"(?P<algorithm>sha256|sha512)-(?P<hex>[0-9a-f]{64})(?:\.(?:sig|att|sbom))?"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class TagPattern(NamedTuple):
    """A glob for the whole tag, or a `/regular expression/` that is searched for in it; case matters.

    `fit` says of a tag whether it fits.
    """

    text: str
    fit: Callable[[str], object]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read either kind; ConfigError names the mistake."""
        if len(text) < 3 or not (text.startswith("/") and text.endswith("/")):
            if "/" in text:
                raise ConfigError(
                    f"{text!r} fits no tag, since tags have no '/'; a regular expression is /like this/"
                )
            return cls(text, Glob.parse(text).fit)
        try:
            return cls(text, re.compile(text[1:-1]).search)
        except re.error as error:
            raise ConfigError(f"{text!r} is no regular expression: {error}") from error


class Selection(NamedTuple):
    """The rule for one mirror's tags; without anything set, every tag."""

    include: tuple[TagPattern, ...] = ()
    exclude: tuple[TagPattern, ...] = ()
    semver: Range | None = None
    newest: int | None = None
    max_age: timedelta | None = None

    @property
    def needs_times(self) -> bool:
        """Whether the choice depends on times, so that unknown ones are worth asking for."""
        return self.max_age is not None or (self.newest is not None and self.semver is None)

    def names(self, tag: str) -> bool:
        """Whether name and version of the tag fit."""
        if is_companion(tag) and all(pattern.text != tag for pattern in self.include):
            return False
        if self.exclude and any(pattern.fit(tag) for pattern in self.exclude):
            return False
        if self.include and not any(pattern.fit(tag) for pattern in self.include):
            return False
        return self.semver is None or ((version := version_of(tag)) is not None and version in self.semver)


def candidates(tags: Mapping[str, Tag], selection: Selection) -> tuple[Tag, ...]:
    """What fits by name and version: the tags whose times are worth asking for."""
    return tuple(tag for name, tag in tags.items() if selection.names(name))


def select(tags: Mapping[str, Tag], selection: Selection, now: datetime) -> tuple[Tag, ...]:
    """The wanted tags, newest first by their times; those without time last.

    Raises ConfigError when the newest are asked for and nothing tells which these are.
    """
    chosen = candidates(tags, selection)
    if selection.max_age is not None:
        oldest = now - selection.max_age
        chosen = tuple(tag for tag in chosen if tag.published is None or tag.published >= oldest)
    if selection.newest is None or len(chosen) <= selection.newest:
        return tuple(sorted(chosen, key=_published, reverse=True))
    return _newest(_newest_first(chosen), selection.newest, by_version=selection.semver is not None)


def recency(tag: Tag) -> tuple[datetime, tuple[Any, ...]]:
    """What the newest tag has most of: its time, then its version. To read versions takes longest of all."""
    return _published(tag), _version(tag)


def companions(tags: Mapping[str, Tag], digests: Iterable[Digest]) -> frozenset[str]:
    """The signature tags of these images, and the signatures of those signatures.

    `digests` are everything that is copied: indexes and what they list. A companion whose own digest is
    unknown goes along, but what is signed on top of it is not found.
    """
    of: dict[str, list[str]] = {}
    for name in tags:
        if match := _companion(name):
            of.setdefault(f"{match['algorithm']}:{match['hex']}", []).append(name)
    found = set[str]()
    waiting = list(digests)
    while waiting:
        digest = waiting.pop()
        for name in of.pop(f"{digest.algorithm}:{digest.hex[:64]}", ()):
            found.add(name)
            signed = tags[name].digest
            waiting += [] if signed is None else [signed]
    return frozenset(found)


def subject_of(tag: str) -> Digest | None:
    """The image that a companion's name speaks of; None for other tags, and for a digest cut short."""
    match = _companion(tag)
    return Digest(f"sha256:{match['hex']}") if match and match["algorithm"] == "sha256" else None


def is_companion(tag: str) -> bool:
    """Whether the tag belongs to an image by its name: a signature, an attestation, a list of referrers."""
    return _companion(tag) is not None


def _companion(tag: str) -> re.Match[str] | None:
    # Nearly no tag begins so: most runs need no more than this look at each.
    return re.fullmatch(_COMPANION, tag) if tag.startswith("sha") else None


def _newest(chosen: tuple[Tag, ...], count: int, *, by_version: bool) -> tuple[Tag, ...]:
    dated = [tag for tag in chosen if tag.published is not None]
    if by_version and len(dated) < len(chosen):
        highest = {tag.name for tag in sorted(chosen, key=_version, reverse=True)[:count]}
        return tuple(tag for tag in chosen if tag.name in highest)
    if not dated:
        raise ConfigError(
            f"the newest {count} of {len(chosen)} tags are asked for, but this registry does not tell when "
            "they were published; set semver, so that the highest versions are taken, or select by include"
        )
    kept = {tag.name for tag in dated[:count]}
    return tuple(tag for tag in chosen if tag.published is None or tag.name in kept)


def _newest_first(tags: Iterable[Tag]) -> tuple[Tag, ...]:
    by_time = sorted(tags, key=_published, reverse=True)
    return tuple(tag for _, same in groupby(by_time, _published) for tag in _highest_first(list(same)))


def _published(tag: Tag) -> datetime:
    return tag.published or _LONG_AGO


def _highest_first(tags: list[Tag]) -> list[Tag]:
    if len(tags) == 1:  # nearly always, where times are known; to read versions costs more than all the rest
        return tags
    return sorted(sorted(tags, key=lambda tag: tag.name), key=_version, reverse=True)


def _version(tag: Tag) -> tuple[Any, ...]:
    version = precedence(tag.name)
    return (0,) if version is None else (1, version)
