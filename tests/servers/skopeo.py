"""skopeo, the independent judge: what it reads from the target must be what it reads from the source."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.servers.present import require

_INDEXES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}


@dataclass(frozen=True, slots=True)
class Image:
    """An image and how to reach it.

    `reference` is `host/path:tag` or `host/path@digest`. `authfile` is a Docker config file, `ca` a directory
    with a `ca.crt`; without `ca` skopeo speaks plain HTTP where the registry does.
    """

    reference: str
    authfile: Path | None = None
    ca: Path | None = None

    def at(self, digest: str) -> Image:
        """Another manifest of the same repository."""
        return replace(self, reference=f"{self.repository}@{digest}")

    @property
    def repository(self) -> str:
        """`host/path`."""
        name = self.reference.partition("@")[0]
        head, _, tail = name.rpartition("/")
        return f"{head}/{tail.partition(':')[0]}"


class Refused(Exception):
    """skopeo failed; the message is its stderr."""


class Different(AssertionError):
    """The two sides are not the same image, or a side's bytes are not what their digest says."""


def authfile(path: Path, logins: Mapping[str, tuple[str, str]]) -> Path:
    """Write a Docker config: host -> (user, password)."""
    auths = {
        host: {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
        for host, (user, password) in logins.items()
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps({"auths": auths}))
    return path


def inspect_raw(image: Image) -> bytes:
    """The manifest or index, byte for byte."""
    return _skopeo("inspect", "--raw", *_access(image), f"docker://{image.reference}")


def digest(image: Image) -> str:
    """The digest, computed here from the bytes."""
    return _sha256(inspect_raw(image))


def list_tags(image: Image) -> list[str]:
    """The tags of the image's repository, sorted."""
    answer = json.loads(_skopeo("list-tags", *_access(image), f"docker://{image.repository}"))
    return sorted(answer["Tags"])


def copy_to_directory(image: Image, directory: Path, *, all: bool = True) -> Path:  # noqa: A002 - skopeo's word
    """Copy to skopeo's `dir:` layout; with `all` every platform of an index."""
    options = ["--all"] if all else []
    access = _access(image, prefix="src-")
    _skopeo(
        "copy",
        "--quiet",
        "--preserve-digests",
        *options,
        *access,
        f"docker://{image.reference}",
        f"dir:{directory}",
    )
    return directory


def copy(source: Image, target: Image) -> None:
    """Copy between registries with every platform, no digest changed."""
    access = [*_access(source, prefix="src-"), *_access(target, prefix="dest-")]
    images = [f"docker://{source.reference}", f"docker://{target.reference}"]
    _skopeo("copy", "--quiet", "--all", "--preserve-digests", *access, *images)


def content(image: Image, directory: Path) -> dict[str, int]:
    """Every digest that the image consists of, with its size, recomputed from the bytes that skopeo wrote.

    Covers the index, nested indexes, manifests, configs and layers. Raises Different when a byte is wrong or
    a part is missing. skopeo does not descend into nested indexes; those are walked here.
    """
    raw = inspect_raw(image)
    children = json.loads(raw).get("manifests", [])
    if not any(child.get("mediaType") in _INDEXES for child in children):
        return _recomputed(copy_to_directory(image, directory))
    found = {_sha256(raw): len(raw)}
    directory.mkdir(parents=True, exist_ok=True)
    for child in children:
        part = content(image.at(child["digest"]), directory / child["digest"].partition(":")[2])
        _expect(child, part)
        found |= part
    return found


def judge(source: Image, target: Image, directory: Path) -> dict[str, int]:
    """Copy both sides to disk and compare them. Returns the digests and sizes; raises Different."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = content(source, directory / "source")
    found = content(target, directory / "target")
    if wanted != found:
        missing, surplus = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
        raise Different(f"{target.reference}: missing {missing}, surplus {surplus}")
    if digest(source) != digest(target):
        raise Different(f"{target.reference} is {digest(target)}, its source {digest(source)}")
    return found


def _recomputed(directory: Path) -> dict[str, int]:
    """Hash every file of a `dir:` layout and check that nothing that a manifest lists is missing."""
    found: dict[str, int] = {}
    listed: list[dict[str, Any]] = []
    for file in sorted(directory.iterdir()):
        if file.name == "version":
            continue
        data = file.read_bytes()
        name = _sha256(data)
        if file.name.endswith("manifest.json"):
            listed += _listed(json.loads(data))
        stem = file.name.removesuffix("manifest.json").removesuffix(".")
        if stem and f"sha256:{stem}" != name:
            raise Different(f"{file} hashes to {name}")
        found[name] = len(data)
    for descriptor in listed:
        _expect(descriptor, found)
    return found


def _listed(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    single = [manifest["config"], *manifest.get("layers", [])] if "config" in manifest else []
    return [*single, *manifest.get("manifests", [])]


def _expect(descriptor: dict[str, Any], found: Mapping[str, int]) -> None:
    size = found.get(descriptor["digest"])
    if size != descriptor["size"]:
        raise Different(f"{descriptor['digest']}: {size} bytes, listed with {descriptor['size']}")


def _access(image: Image, prefix: str = "") -> list[str]:
    access = [f"--{prefix}cert-dir={image.ca}"] if image.ca else [f"--{prefix}tls-verify=false"]
    return [*access, f"--{prefix}authfile={image.authfile}"] if image.authfile else access


def _skopeo(command: str, *arguments: str) -> bytes:
    """Run skopeo without the user's own credentials and trust policy."""
    env = {
        key: value for key, value in os.environ.items() if key not in {"REGISTRY_AUTH_FILE", "DOCKER_CONFIG"}
    }
    done = subprocess.run(
        [require("skopeo"), "--insecure-policy", command, *arguments],
        env=env | {"HOME": "/nonexistent", "XDG_RUNTIME_DIR": "/nonexistent"},
        capture_output=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise Refused(done.stderr.decode(errors="replace").strip())
    return done.stdout


def _sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
