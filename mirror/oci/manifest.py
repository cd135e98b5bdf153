"""Manifest: a view on the bytes of a manifest or index; the bytes are what is copied."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from mirror.errors import InvalidManifest
from mirror.oci.descriptor import (
    DOCKER_SCHEMA1,
    INDEXES,
    MANIFESTS,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Platform,
)
from mirror.oci.digest import Digest

# The distribution specification asks registries to take at least this much; GitLab takes no more.
MAX_SIZE = 4 * 1024 * 1024


class Manifest:
    """The exact bytes, what they are called, and what they point to."""

    def __init__(self, media_type: str, raw: bytes, digest: Digest) -> None:
        """Of what was read before; `parse` is for what comes from elsewhere."""
        self.media_type = media_type
        self.raw = raw
        self.digest = digest

    def __eq__(self, other: object) -> bool:
        """Whether the bytes and their type are the same."""
        if not isinstance(other, Manifest):
            return NotImplemented
        return (self.media_type, self.raw, self.digest) == (other.media_type, other.raw, other.digest)

    def __hash__(self) -> int:
        """Of the digest, which speaks for the bytes."""
        return hash(self.digest)

    def __repr__(self) -> str:
        """The digest says it all."""
        return f"<Manifest {self.digest}>"

    @classmethod
    def parse(cls, raw: bytes, media_type: str = "", digest: Digest | None = None) -> Manifest:
        """Read `raw`; `media_type` is the Content-Type it came with, `digest` the one it was asked by.

        The document's own `mediaType` wins over the header. Raises InvalidManifest.
        """
        if len(raw) > MAX_SIZE:
            raise InvalidManifest(f"the manifest has {len(raw):,} bytes; more than {MAX_SIZE:,} is refused")
        manifest = cls(_media_type(_document(raw), media_type), raw, digest or Digest.of(raw))
        manifest.children  # noqa: B018 - a manifest whose descriptors do not parse is refused here
        return manifest

    @cached_property
    def document(self) -> dict[str, Any]:
        """The parsed JSON."""
        return _document(self.raw)

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of these bytes."""
        return Descriptor(
            self.media_type,
            self.digest,
            len(self.raw),
            artifact_type=self.artifact_type,
            annotations=self.annotations,
        )

    @cached_property
    def manifests(self) -> tuple[Descriptor, ...]:
        """The children that are manifests themselves: what an index lists."""
        return tuple(child for child in self.children if child.is_manifest)

    @cached_property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The children that are blobs: config and layers; an index may list artifacts of other kinds."""
        return tuple(child for child in self.children if not child.is_manifest)

    @cached_property
    def children(self) -> tuple[Descriptor, ...]:
        """Everything that must be at a registry before this manifest may be, once each."""
        listed = self.document.get("manifests") if self.is_index else self._image_children()
        if not isinstance(listed, list):
            raise InvalidManifest("the list of children is not a list")
        found = [Descriptor.from_json(item) for item in listed]
        return tuple({child.digest: child for child in found}.values())

    @cached_property
    def subject(self) -> Digest | None:
        """The manifest that this one refers to (signature, SBOM), if any that can be read."""
        try:
            return Descriptor.from_json(self.document.get("subject")).digest
        except InvalidManifest:
            return None  # the bytes are copied all the same; whether they are right is the registry's to say

    @property
    def is_index(self) -> bool:
        """Whether this lists other manifests."""
        return self.media_type in INDEXES

    @property
    def artifact_type(self) -> str:
        """As the referrers API reports it: `artifactType`, else the config's media type."""
        config = self.document.get("config")
        fallback = config.get("mediaType", "") if isinstance(config, dict) and not self.is_index else ""
        return str(self.document.get("artifactType") or fallback)

    @property
    def annotations(self) -> dict[str, str]:
        """The manifest's own annotations."""
        value = self.document.get("annotations")
        return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}

    def for_platforms(self, wanted: tuple[Platform, ...]) -> Manifest:
        """This index with only the wanted platforms: a new document, so a new digest.

        An attestation stays when the image that it belongs to stays; other children without a platform go.
        InvalidManifest when nothing would be left.
        """
        kept = [child for child in self.manifests if _is_wanted(child, wanted)]
        if not kept:
            names = ", ".join(map(str, wanted))
            there = ", ".join(str(child.platform) for child in self.manifests if child.platform) or "none"
            raise InvalidManifest(f"the index has no image for {names}; its platforms are: {there}")
        digests = {child.digest for child in kept}
        kept_items = [
            item
            for item in self.document["manifests"]
            if item["digest"] in digests or _belongs_to(item, digests)
        ]
        document = {**self.document, "manifests": kept_items}
        return Manifest.parse(json.dumps(document, separators=(",", ":")).encode(), self.media_type)

    def _image_children(self) -> list[Any]:
        config = self.document.get("config")
        layers = self.document.get("layers", self.document.get("blobs", []))
        if not isinstance(layers, list):
            raise InvalidManifest("the list of layers is not a list")
        return ([config] if config is not None else []) + layers


def _is_wanted(child: Descriptor, wanted: tuple[Platform, ...]) -> bool:
    return child.platform is not None and any(child.platform.satisfies(one) for one in wanted)


def _belongs_to(item: dict[str, Any], digests: set[Digest]) -> bool:
    # BuildKit attaches attestations as index entries that name their image in this annotation.
    return (item.get("annotations") or {}).get("vnd.docker.reference.digest") in digests


def _document(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"the manifest is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidManifest("the manifest is not a JSON object")
    return document


def _media_type(document: dict[str, Any], header: str) -> str:
    if document.get("schemaVersion") == 1:
        raise InvalidManifest(
            f"schema 1 ({DOCKER_SCHEMA1}) is not copied: no registry takes it any more; rebuild the image"
        )
    stated = document.get("mediaType") or header.partition(";")[0].strip()
    if isinstance(stated, str) and stated in MANIFESTS:
        return stated
    if stated:
        raise InvalidManifest(f"{str(stated)[:80]!r} is not the media type of a manifest")
    return OCI_INDEX if "manifests" in document else OCI_MANIFEST
