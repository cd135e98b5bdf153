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
    """The images of a pod as the API shows it; names that cannot be read are nobody's."""
    spec, status, metadata = pod["spec"], pod.get("status") or {}, pod["metadata"]
    secrets = tuple(one["name"] for one in spec.get("imagePullSecrets") or () if one.get("name"))
    for containers, statuses in _LISTS:
        ran = {one["name"]: one.get("imageID") or "" for one in status.get(statuses) or ()}
        for one in spec.get(containers) or ():
            try:
                image = Reference.parse(one["image"])
            except ConfigError:
                continue
            running = _digest(ran.get(one["name"], ""))
            yield PodImage(metadata["namespace"], metadata["name"], image, running, secrets)


def _digest(image_id: str) -> Digest | None:
    """`host/path@sha256:…`; what was loaded onto the node has no digest of a registry."""
    name, at, digest = image_id.rpartition("@")
    try:
        return Digest.parse(digest) if name and at else None
    except InvalidManifest:
        return None
