"""Rewrite: manifests with the images' names on the mirror in place of those at the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mirror.errors import ConfigError
from mirror.oci.digest import Digest
from mirror.oci.reference import Reference
from mirror.render.images import Place, edited, find
from mirror.render.relocation import Relocation, relocated


@dataclass(frozen=True, slots=True)
class Use:
    """One image that a file uses: where, its name there, and its name on which mirror."""

    file: str
    place: Place
    image: Reference
    mirror: str
    mirrored: Reference

    @property
    def where(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.place.line}"

    @property
    def open_tag(self) -> bool:
        """Whether the entry leaves the tag to the manifests that it is laid over."""
        return self.image.tag is None and self.image.digest is None


@dataclass(frozen=True, slots=True)
class Unmapped:
    """An image of a source that no mirror has."""

    where: str
    image: Reference

    def __str__(self) -> str:
        """What is wrong, and why."""
        return f"{self.where}: {self.image} is on no mirror: no pattern of the configuration fits"


@dataclass(frozen=True, slots=True)
class Uses:
    """The images of one file: those that a mirror has, and those of a source that no mirror has."""

    text: str
    mirrored: tuple[Use, ...]
    unmapped: tuple[Unmapped, ...]


def uses(text: str, file: str, relocations: Sequence[Relocation], values: Sequence[str] = ()) -> Uses:
    """What `text` uses of the sources and of the mirrors; other registries' images are not looked at.

    ConfigError when it is not YAML, or when the name of such an image cannot be read, with file and line.
    """
    hosts = {one.source_host for one in relocations}
    ours = tuple(f"{host}/" for one in relocations for host in (one.source_host, one.target_host))
    mirrored, unmapped = [], []
    for place in find(text, file, values):
        if not place.image.lower().startswith(ours):
            continue
        image = _reference(place.image, f"{file}:{place.line}")
        new = relocated(relocations, image)
        if new is not None:
            mirrored.append(Use(file, place, image, new.mirror, new.image))
        elif image.host in hosts:
            unmapped.append(Unmapped(f"{file}:{place.line}", image))
    return Uses(text, tuple(mirrored), tuple(unmapped))


def rewritten(found: Uses, digests: Mapping[Reference, Digest] | None = None) -> str:
    """The text with every name replaced. With `digests` of mirrored names, tags are pinned to them."""
    pins = digests or {}
    edits = []
    for use in found.mirrored:
        new = use.mirrored
        if new.digest is None and new in pins:
            new = Reference(new.host, new.repository, new.tag, pins[new])
        if new != use.image:
            edits += list(use.place.edits(found.text, new))
    return edited(found.text, edits)


def _reference(text: str, where: str) -> Reference:
    try:
        return Reference.parse(text)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
