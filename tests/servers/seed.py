"""Images put into a registry with plain requests, so that a test does not rest on the code that it tests."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from typing import Any

import requests

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"

Descriptor = dict[str, Any]


class Seed:
    """Writes to one repository of a registry that asks for no more than basic auth."""

    def __init__(
        self, url: str, repository: str, *, auth: tuple[str, str] | None = None, ca: str | None = None
    ) -> None:
        """`url` is scheme and host, `ca` the file of a private authority."""
        self._base = f"{url}/v2/{repository}"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = auth
        self._session.verify = ca or True

    def blob(self, data: bytes, media_type: str = OCI_LAYER) -> Descriptor:
        """Upload a blob in one PUT."""
        described = _describe(data, media_type)
        opened = self._session.post(f"{self._base}/blobs/uploads/")
        opened.raise_for_status()
        location = requests.compat.urljoin(opened.url, opened.headers["Location"])
        self._session.put(location, params={"digest": described["digest"]}, data=data).raise_for_status()
        return described

    def manifest(self, manifest: bytes | Descriptor, media_type: str, tag: str | None = None) -> Descriptor:
        """Write a manifest, byte for byte when it is given as bytes."""
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest, indent=1).encode()
        described = _describe(data, media_type)
        self._session.put(
            f"{self._base}/manifests/{tag or described['digest']}",
            data=data,
            headers={"Content-Type": media_type},
        ).raise_for_status()
        return described

    def image(
        self, tag: str | None = None, *, layers: Sequence[bytes] = (b"hello",), architecture: str = "amd64"
    ) -> Descriptor:
        """A real image for one platform; each layer is a tar with one file of the given bytes."""
        tars = [_tar(layer) for layer in layers]
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {},
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars],
            },
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.blob(json.dumps(config).encode(), OCI_CONFIG),
            "layers": [self.blob(tar) for tar in tars],
        }
        platform = {"os": "linux", "architecture": architecture}
        return self.manifest(manifest, OCI_MANIFEST, tag) | {"platform": platform}

    def tags(self) -> list[str]:
        """The tags that the repository has."""
        answer = self._session.get(f"{self._base}/tags/list")
        answer.raise_for_status()
        return list(answer.json()["tags"] or ())

    def index(self, children: Sequence[Descriptor], tag: str | None = None) -> Descriptor:
        """An index of manifests (or indexes) that are there already."""
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(children)}
        return self.manifest(index, OCI_INDEX, tag)

    def platforms(
        self, tag: str | None = None, *, architectures: Sequence[str] = ("amd64", "arm64")
    ) -> Descriptor:
        """An index of images that share their first layer."""
        children = [
            self.image(layers=(b"shared by all", arch.encode() * 100), architecture=arch)
            for arch in architectures
        ]
        return self.index(children, tag)


def _describe(data: bytes, media_type: str) -> Descriptor:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def _tar(data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo("content")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return file.getvalue()
