"""Pods: which images the pods of a cluster use, and which pull secrets they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mirror.errors import ConfigError, InvalidManifest
from mirror.oci.digest import Digest
from mirror.oci.reference import Reference

_LISTS = (
    ("containers", "containerStatuses"),
    ("initContainers", "initContainerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)


@dataclass(frozen=True, slots=True)
class PodImage:
    """One image of one pod; `running` is the digest that the node says it runs."""

    namespace: str
    pod: str
    image: Reference
    running: Digest | None
    secrets: tuple[str, ...]


def pod_images(pod: Mapping[str, Any]) -> Iterator[PodImage]:
    """The images of a pod as the API shows it, also those of volumes; names that cannot be read are nobody's."""
    spec, status, metadata = pod["spec"], pod.get("status") or {}, pod["metadata"]
    secrets = tuple(one["name"] for one in spec.get("imagePullSecrets") or () if one.get("name"))
    used = []
    for containers, statuses in _LISTS:
        ran = {one["name"]: one.get("imageID") or "" for one in status.get(statuses) or ()}
        used += [(one["image"], ran.get(one["name"], "")) for one in spec.get(containers) or ()]
    # The API does not tell the digest of a volume's image.
    sources = ((one.get("image") or {}).get("reference") for one in spec.get("volumes") or ())
    used += [(name, "") for name in sources if name]
    for name, running in used:
        try:
            image = Reference.parse(name)
        except ConfigError:
            continue
        yield PodImage(metadata["namespace"], metadata["name"], image, _digest(running), secrets)


def _digest(image_id: str) -> Digest | None:
    """`host/path@sha256:…`; what was loaded onto the node has no digest of a registry."""
    name, at, digest = image_id.rpartition("@")
    try:
        return Digest.parse(digest) if name and at else None
    except InvalidManifest:
        return None
