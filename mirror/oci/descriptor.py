"""Descriptor: what content is called, how long it is, and how it is to be read."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from mirror.errors import InvalidManifest
from mirror.oci.digest import Digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1"

INDEXES = frozenset({OCI_INDEX, DOCKER_INDEX})
IMAGES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
MANIFESTS = INDEXES | IMAGES

_NONE: Mapping[str, str] = MappingProxyType({})


class Platform(NamedTuple):
    """`os/architecture[/variant]`."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `linux/arm64/v8`; ValueError when it is nothing of that kind."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise ValueError(f"{text!r} is not os/architecture or os/architecture/variant")
        return cls(*parts)

    def satisfies(self, wanted: Self) -> bool:
        """Whether this platform is the wanted one; a wanted platform without variant takes any."""
        same = (self.os, self.architecture) == (wanted.os, wanted.architecture)
        return same and wanted.variant in ("", self.variant)

    def __str__(self) -> str:
        """The form that `parse` reads."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class Descriptor:
    """Media type, digest and size (bytes) of one piece of content, with what its parent says of it.

    Two are equal whatever their annotations.
    """

    __slots__ = ("annotations", "artifact_type", "digest", "media_type", "platform", "size")

    def __init__(
        self,
        media_type: str,
        digest: Digest,
        size: int,
        platform: Platform | None = None,
        artifact_type: str = "",
        annotations: Mapping[str, str] = _NONE,
    ) -> None:
        """Of content that may be anywhere."""
        self.media_type = media_type
        self.digest = digest
        self.size = size
        self.platform = platform
        self.artifact_type = artifact_type
        self.annotations = annotations

    def __eq__(self, other: object) -> bool:
        """Whether all is the same but for the annotations."""
        return isinstance(other, Descriptor) and self._compared == other._compared

    def __hash__(self) -> int:
        """Of what is compared."""
        return hash(self._compared)

    def __repr__(self) -> str:
        """What it is called, and how long it is."""
        return f"<Descriptor {self.media_type} {self.digest} {self.size}>"

    @property
    def _compared(self) -> tuple[object, ...]:
        return self.media_type, self.digest, self.size, self.platform, self.artifact_type

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read one descriptor of a manifest; InvalidManifest names the part that is wrong."""
        if not isinstance(value, dict):
            raise InvalidManifest("a descriptor is not an object")
        size = value.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise InvalidManifest(f"a descriptor has the size {size!r}")
        return cls(
            media_type=str(value.get("mediaType", "")),
            digest=Digest.parse(str(value.get("digest", ""))),
            size=size,
            platform=_platform(value.get("platform")),
            artifact_type=str(value.get("artifactType", "")),
            annotations=_annotations(value.get("annotations")),
        )

    @property
    def is_index(self) -> bool:
        """Whether the content lists other manifests."""
        return self.media_type in INDEXES

    @property
    def is_distributable(self) -> bool:
        """False for layers that registries should not hold (deprecated: Windows base layers)."""
        return "nondistributable" not in self.media_type and "rootfs.foreign" not in self.media_type

    @property
    def is_manifest(self) -> bool:
        """Whether the content is pushed as a manifest, not as a blob."""
        return self.media_type in MANIFESTS


def _platform(value: Any) -> Platform | None:
    if not isinstance(value, dict) or not value.get("os") or not value.get("architecture"):
        return None
    return Platform(str(value["os"]), str(value["architecture"]), str(value.get("variant") or ""))


def _annotations(value: Any) -> Mapping[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}
