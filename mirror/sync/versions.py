"""Versions: tags that are version numbers, and ranges of them.

Read as people write tags: `v1.2.3`, `1.2` (is 1.2.0), `2024.01`, `1.2.3-rc.1`. A bare number counts when it
has at most four digits; a longer one is a build number or a piece of a commit hash. Ranges are npm's:
`>=1.0 <2`, `^1.2`, `~1.2`, `1.x || 2.x`; a pre-release fits only a range that names one of the same version.
https://semver.org, https://docs.npmjs.com/cli/v6/using-npm/semver#ranges
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mirror.errors import ConfigError

if TYPE_CHECKING:
    from semantic_version import NpmSpec, Version

_TAG = (
    r"v?(?P<major>[0-9]+)(?:\.(?P<minor>[0-9]+)(?:\.(?P<patch>[0-9]+))?)?"
    r"(?:-(?P<prerelease>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_OPERATOR = r"([<>=~^])\s+(?=[v0-9x*])"
_MAX_BARE = 4


class Range:
    """Some versions out of all."""

    def __init__(self, text: str, spec: NpmSpec) -> None:
        """As `parse` reads it."""
        self.text = text
        self._spec = spec

    @classmethod
    def parse(cls, text: str) -> Range:
        """Read a range; commas mean "and" as spaces do. ConfigError shows what one looks like."""
        from semantic_version import NpmSpec  # noqa: PLC0415 - few mirrors have a range

        spaced = re.sub(r"==", "=", text.replace(",", " "))
        tidy = re.sub(r"(?<![0-9A-Za-z.-])v(?=[0-9])", "", " ".join(re.sub(_OPERATOR, r"\1", spaced).split()))
        try:
            if not tidy:
                raise ValueError("empty")  # noqa: TRY301 - one message for all
            return cls(text, NpmSpec(tidy))
        except (ValueError, AttributeError) as error:  # the latter is the library's word for "1 - ^2"
            raise ConfigError(
                f"{text!r} is no range of versions; write '>=1.0', '>=1.2 <2' or '^1.2'"
            ) from error

    def __contains__(self, version: Version) -> bool:
        """Whether the version is one of them."""
        return version in self._spec


def version_of(tag: str) -> Version | None:
    """The version that a tag names; None when it names none."""
    parts = _parts(tag)
    if parts is None:
        return None
    from semantic_version import Version  # noqa: PLC0415 - few mirrors have a range

    major, minor, patch, prerelease = parts
    return Version(major=major, minor=minor, patch=patch, prerelease=prerelease, build=())


def precedence(tag: str) -> tuple[Any, ...] | None:
    """What a higher version has more of, the same as the library's own; None when the tag names no version.

    A mirror without a range orders its tags by this: to load the library would take a fifth of the program's start.
    https://semver.org, 11
    """
    parts = _parts(tag)
    if parts is None:
        return None
    *numbers, prerelease = parts
    ranks = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in prerelease)
    return (*numbers, not prerelease, ranks)


def _parts(tag: str) -> tuple[int, int, int, tuple[str, ...]] | None:
    match = re.fullmatch(_TAG, tag)
    if match is None or (
        match["minor"] is None and not tag.startswith("v") and len(match["major"]) > _MAX_BARE
    ):
        return None
    prerelease = tuple(_without_zeros(part) for part in (match["prerelease"] or "").split(".") if part)
    return int(match["major"]), int(match["minor"] or 0), int(match["patch"] or 0), prerelease


def _without_zeros(part: str) -> str:
    # The specification forbids leading zeros in numbers; tags have them (-rc.01).
    return str(int(part)) if part.isdecimal() else part
