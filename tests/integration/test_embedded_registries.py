"""The embedded registries speak the protocol: skopeo, python-gitlab and a real registry say so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirror.demo import images
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from tests.servers import skopeo
from tests.servers.skopeo import Image

PROJECT = "arctic-goal-676703"


@pytest.fixture
def gitlab() -> Iterator[GitLabRegistry]:
    with GitLabRegistry() as registry:
        yield registry


@pytest.fixture
def google() -> Iterator[GoogleRegistry]:
    with GoogleRegistry(project=PROJECT) as registry:
        yield registry


@pytest.fixture
def logins(gitlab: GitLabRegistry, google: GoogleRegistry, tmp_path: Path) -> Path:
    key = json.dumps(google.key)
    return skopeo.authfile(
        tmp_path / "auth.json", {gitlab.host: ("mirror", "secret"), google.host: ("_json_key", key)}
    )


KINDS = {
    "plain": images.image("plain"),
    "docker": images.image("docker", docker=True),
    "zstd": images.image("zstd", [images.layer("zstd", 3000, "zstd")]),
    "odd": images.odd(images.image("odd")),
    "platforms": images.multi_platform("platforms"),
    "docker-platforms": images.multi_platform("docker platforms", docker=True),
    "big": images.image("big", 1, size=3_000_000),
}


def copy(source: str, target: str, logins: Path) -> None:
    """Let skopeo copy, all platforms and no digest changed."""
    access = [f"--authfile={logins}", "--src-tls-verify=false", "--dest-tls-verify=false"]
    skopeo._skopeo("copy", "--all", "--preserve-digests", *access, f"docker://{source}", f"docker://{target}")


@pytest.mark.parametrize("kind", KINDS)
def test_skopeo_copies_every_kind_of_image(
    kind: str, gitlab: GitLabRegistry, google: GoogleRegistry, logins: Path, tmp_path: Path
) -> None:
    KINDS[kind].store(gitlab.storage.repository("acme/shop/api"), "1.0")
    source, target = f"{gitlab.host}/acme/shop/api:1.0", f"{google.host}/{PROJECT}/acme/shop/api:1.0"
    copy(source, target, logins)
    found = skopeo.judge(Image(source, logins), Image(target, logins), tmp_path)
    assert found[KINDS[kind].digest] == len(KINDS[kind].raw)
    assert google.count("PATCH", "^/artifacts-uploads/", 202) > 0
    assert gitlab.objects.count("GET", status=200) > 0
