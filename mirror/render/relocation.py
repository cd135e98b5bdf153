"""Relocation: the name that an image of the source has on the mirror."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mirror.oci.reference import Reference
from mirror.sync.mapping import Mapping
from mirror.sync.patterns import Patterns, is_literal, is_within, literal_root


@dataclass(frozen=True, slots=True)
class Relocation:
    """One mirror, as those see it who pull: which names there are at the source, and what they are here."""

    name: str
    source_host: str
    mapping: Mapping
    patterns: Patterns

    @property
    def target_host(self) -> str:
        """The mirror's host."""
        return self.mapping.host

    def moved(self, image: Reference) -> Reference | None:
        """The image's name on the mirror, with its tag and digest; None when this mirror does not have it."""
        root = self.mapping.source_root
        if image.host != self.source_host or not is_within(image.repository, root):
            return None
        path = image.repository.removeprefix(root).lstrip("/")
        if not path or not self.patterns.matches(path):
            return None
        return Reference(self.target_host, self.mapping.target(path), image.tag, image.digest)

    def origin(self, image: Reference) -> Reference | None:
        """The inverse of `moved`: where an image of the mirror came from; None when it is not of this mirror."""
        base = self.mapping.base
        if image.host != self.target_host or not is_within(image.repository, base):
            return None
        path = image.repository.removeprefix(base).lstrip("/")
        if not path or not self.patterns.matches(path):
            return None
        return Reference(self.source_host, self.mapping.source(path), image.tag, image.digest)

    @property
    def prefixes(self) -> tuple[str, str]:
        """What all names begin with at the source and on the mirror: whole parts, or `host/` when they share no more.

        Where only prefixes can be compared, also what the patterns leave out below them is renamed.
        """
        folder = _folder(text for glob in self.patterns.include for text in glob.texts)
        source = "/".join(filter(None, (self.mapping.source_root, folder)))
        target = "/".join(filter(None, (self.mapping.base, folder)))
        ends = "" if source else "/"
        return f"{self.source_host}/{source}", f"{self.target_host}/{target}{ends if target else ''}"


@dataclass(frozen=True, slots=True)
class Mirrored:
    """An image's name on the mirror, and which mirror that is."""

    mirror: str
    image: Reference


def relocated(relocations: Iterable[Relocation], image: Reference) -> Mirrored | None:
    """The name on the first mirror that has the image; a mirror's own name stays. None when no mirror has it."""
    for relocation in relocations:
        if relocation.origin(image):
            return Mirrored(relocation.name, image)
        if moved := relocation.moved(image):
            return Mirrored(relocation.name, moved)
    return None


def _folder(texts: Iterable[str]) -> str:
    """The longest path that every name that fits is, or lies below."""
    roots = [text if is_literal(text) else literal_root(text) for text in texts]
    shared: list[str] = []
    for parts in zip(*(root.split("/") for root in roots), strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "/".join(shared)
