"""Images: real, valid images made from seeds; the same seed gives the same digests.

one = image("api 1.0")
many = index([image(f"api {name}", platform=name) for name in PLATFORMS])
many.store(gitlab.storage.repository("acme/shop/api"), "1.0", "latest")
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from mirror.demo.layers import Blob, json_blob, layer
from mirror.demo.repository import Repository
from mirror.oci.descriptor import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    Platform,
)
from mirror.oci.digest import Digest
from mirror.oci.manifest import Manifest

PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x")
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
COSIGN = "application/vnd.dev.sigstore.bundle.v0.3+json"
_EPOCH = "2024-01-01T00:00:00Z"


@dataclass(frozen=True)
class Image:
    """A manifest with all below it. `referrers` are kept beside it, for they refer to it.

    `listed` is what an index says of it beyond media type, digest, size and platform.
    """

    raw: bytes
    media_type: str
    blobs: tuple[Blob, ...] = ()
    children: tuple[Image, ...] = ()
    referrers: tuple[Image, ...] = ()
    platform: Platform | None = None
    listed: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def digest(self) -> Digest:
        """The digest of the manifest."""
        return Digest.of(self.raw)

    @property
    def manifest(self) -> Manifest:
        """The manifest, read."""
        return Manifest.parse(self.raw, self.media_type)

    @property
    def descriptor(self) -> dict[str, Any]:
        """As an index lists it."""
        found: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.raw)}
        if self.platform:
            parts = {"os": self.platform.os, "architecture": self.platform.architecture}
            found["platform"] = parts | ({"variant": self.platform.variant} if self.platform.variant else {})
        return found | dict(self.listed)

    def walk(self) -> Iterator[Image]:
        """Every manifest of the image once: children, itself, referrers."""
        seen: dict[Digest, Image] = {}
        for part in (*self.children, *self.referrers):
            seen |= {one.digest: one for one in part.walk()}
        return iter((seen | {self.digest: self}).values())

    @property
    def size(self) -> int:
        """Bytes of all its manifests and blobs, each once."""
        blobs = {blob.digest: blob.size for one in self.walk() for blob in one.blobs}
        return sum(blobs.values()) + sum(len(one.raw) for one in self.walk())

    def store(self, repository: Repository, *tags: str) -> Image:
        """Put everything into a repository, without HTTP, and tag it."""
        for one in self.walk():
            for blob in one.blobs:
                if not repository.link(blob.digest):
                    repository.add(blob.chunks(), blob.digest)
            repository.put(one.raw, one.media_type)
        repository.put(self.raw, self.media_type, *tags)
        return self


def image(
    seed: str,
    layers: int | Sequence[Blob] = 2,
    *,
    platform: str = "linux/amd64",
    size: int = 2000,
    docker: bool = False,
    annotations: Mapping[str, str] | None = None,
) -> Image:
    """A runnable-looking image; `layers` are made from the seed unless given, each of `size` bytes."""
    if isinstance(layers, int):
        layers = [layer(f"{seed} layer {number}", size, docker=docker) for number in range(layers)]
    where = Platform.parse(platform)
    config = json_blob(DOCKER_CONFIG if docker else OCI_CONFIG, _config(seed, where, layers))
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": config.descriptor,
        "layers": [one.descriptor for one in layers],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return Image(_json(document), media_type, (config, *layers), platform=where)


def index(
    children: Iterable[Image], *, docker: bool = False, annotations: Mapping[str, str] | None = None
) -> Image:
    """An index of images, or of further indexes."""
    listed = tuple(children)
    media_type = DOCKER_INDEX if docker else OCI_INDEX
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [child.descriptor for child in listed],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return Image(_json(document), media_type, children=listed)


def multi_platform(seed: str, *, size: int = 2000, docker: bool = False) -> Image:
    """An index of four platforms that share their lowest layer."""
    shared = layer(f"{seed} shared", size, docker=docker)
    return index(
        [
            image(
                f"{seed} {name}",
                [shared, layer(f"{seed} {name}", size, docker=docker)],
                platform=name,
                docker=docker,
            )
            for name in PLATFORMS
        ],
        docker=docker,
    )


def artifact(subject: Image, seed: str = "signature", artifact_type: str = COSIGN) -> Image:
    """What cosign 3 attaches: a manifest with an empty config that refers to `subject`."""
    empty = Blob(OCI_EMPTY, "", 2, fixed=b"{}")
    payload = json_blob(artifact_type, {"signs": subject.digest, "seed": seed})
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": empty.descriptor,
        "layers": [payload.descriptor],
        "subject": {key: subject.descriptor[key] for key in ("mediaType", "digest", "size")},
        "annotations": {"org.opencontainers.image.created": _EPOCH},
    }
    return Image(_json(document), OCI_MANIFEST, (empty, payload))


def signed(subject: Image, *seeds: str) -> Image:
    """The image with one artifact that refers to it for each seed."""
    referrers = tuple(artifact(subject, seed) for seed in seeds or ("signature",))
    return replace(subject, referrers=subject.referrers + referrers)


def attested(subject: Image) -> Image:
    """BuildKit's attestation: an image for no platform, which an index lists beside the one it describes."""
    statement = json_blob("application/vnd.in-toto+json", {"subject": [{"digest": subject.digest}]})
    listed = {
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.digest": subject.digest,
            "vnd.docker.reference.type": "attestation-manifest",
        },
    }
    return replace(image(f"attestation of {subject.digest}", [statement]), platform=None, listed=listed)


def cosign_signature(subject: Image) -> tuple[str, Image]:
    """What cosign 1 and 2 push, and under which tag."""
    payload = json_blob(
        "application/vnd.dev.cosign.simplesigning.v1+json", {"critical": {"image": subject.digest}}
    )
    return cosign_tag(subject.digest), image(f"signature of {subject.digest}", [payload])


def cosign_tag(digest: Digest, kind: str = "sig") -> str:
    """The tag under which cosign 1 and 2 keep what belongs to a digest."""
    return f"{digest.algorithm}-{digest.hex}.{kind}"


def odd(plain: Image) -> Image:
    """The same with unknown fields, odd whitespace and escapes: only a copy of the bytes keeps its digest."""
    document = json.loads(plain.raw) | {"x-unknown": {"é": [1.50, None]}, "annotations": {"z": "ü", "a": "/"}}
    raw = json.dumps(document, indent=3, ensure_ascii=True).replace(": ", " :\t") + "\n\n"
    return replace(plain, raw=raw.encode())


def misstated(plain: Image, by: int = 1) -> Image:
    """The same, but the size in its first descriptor is wrong by so many bytes."""
    document = json.loads(plain.raw)
    first = (document.get("manifests") or document["layers"])[0]
    first["size"] += by
    return replace(plain, raw=_json(document))


def schema1(seed: str) -> tuple[bytes, str]:
    """A manifest of the kind that nobody takes any more, and its media type."""
    layer = Digest.of(seed.encode())
    document = {"schemaVersion": 1, "name": seed, "tag": "1", "fsLayers": [{"blobSum": layer}]}
    return _json(document), f"{DOCKER_SCHEMA1}+prettyjws"


def fallback(subject: Image) -> tuple[str, Image]:
    """The tag `sha256-…` and the index of referrers that a client keeps where there is no referrers API."""
    listed = [
        one.descriptor | {"artifactType": one.manifest.artifact_type, "annotations": one.manifest.annotations}
        for one in subject.referrers
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    tag = f"{subject.digest.algorithm}-{subject.digest.hex}"
    return tag, Image(_json(document), OCI_INDEX, children=subject.referrers)


def _config(seed: str, platform: Platform, layers: Sequence[Blob]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "created": _EPOCH,
        "architecture": platform.architecture,
        "os": platform.os,
        "config": {"Cmd": ["/bin/true"], "Labels": {"seed": seed}},
        "rootfs": {"type": "layers", "diff_ids": [one.diff_id for one in layers]},
        "history": [{"created": _EPOCH, "created_by": one.seed} for one in layers],
    }
    return found | ({"variant": platform.variant} if platform.variant else {})


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=2).encode()
