"""The judge accepts what is equal and refuses what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.servers import skopeo
from tests.servers.certificates import Authority
from tests.servers.registry import Registries, Registry
from tests.servers.seed import OCI_MANIFEST, Seed
from tests.servers.skopeo import Different, Image, Refused, judge


def test_equal_images_are_judged_equal(registries: Registries, tmp_path: Path) -> None:
    source, target = registries(), registries()
    for registry in (source, target):
        index = Seed(registry.url, "acme/api").platforms("1.0")
    found = judge(Image(f"{source.host}/acme/api:1.0"), Image(f"{target.host}/acme/api:1.0"), tmp_path)
    # the index, two manifests, two configs, one shared layer and two of their own
    assert len(found) == 8
    assert found[index["digest"]] == index["size"]


def test_a_nested_index_is_followed_to_its_layers(registry: Registry, tmp_path: Path) -> None:
    seed = Seed(registry.url, "acme/api")
    outer = seed.index([seed.platforms(), seed.image(layers=(b"beside",))], "nested")
    found = skopeo.content(Image(f"{registry.host}/acme/api:nested"), tmp_path / "copy")
    assert len(found) == 1 + 8 + 3
    assert outer["digest"] in found


def test_another_layer_is_judged_different(registries: Registries, tmp_path: Path) -> None:
    source, target = registries(), registries()
    Seed(source.url, "acme/api").image("1.0", layers=(b"one",))
    Seed(target.url, "acme/api").image("1.0", layers=(b"two",))
    with pytest.raises(Different, match="missing"):
        judge(Image(f"{source.host}/acme/api:1.0"), Image(f"{target.host}/acme/api:1.0"), tmp_path)


def test_a_manifest_of_the_same_words_in_other_bytes_is_judged_different(
    registries: Registries, tmp_path: Path
) -> None:
    source, target = registries(), registries()
    Seed(source.url, "acme/api").image("1.0")
    seed = Seed(target.url, "acme/api")
    seed.image("1.0")
    raw = skopeo.inspect_raw(Image(f"{target.host}/acme/api:1.0"))
    seed.manifest(json.dumps(json.loads(raw), indent=4).encode(), OCI_MANIFEST, "1.0")
    with pytest.raises(Different):
        judge(Image(f"{source.host}/acme/api:1.0"), Image(f"{target.host}/acme/api:1.0"), tmp_path)


def test_a_damaged_file_is_noticed(registry: Registry, tmp_path: Path) -> None:
    Seed(registry.url, "acme/api").image("1.0")
    copy = skopeo.copy_to_directory(Image(f"{registry.host}/acme/api:1.0"), tmp_path / "copy")
    largest = max(copy.iterdir(), key=lambda file: file.stat().st_size)
    largest.write_bytes(b"\1" + largest.read_bytes()[1:])
    with pytest.raises(Different, match="hashes to"):
        skopeo._recomputed(copy)
    largest.unlink()
    with pytest.raises(Different, match="None bytes"):
        skopeo._recomputed(copy)


def test_tags_and_digest_are_those_that_were_written(registry: Registry) -> None:
    seed = Seed(registry.url, "acme/api")
    image = seed.image("1.0")
    seed.image("1.1", layers=(b"newer",))
    assert skopeo.list_tags(Image(f"{registry.host}/acme/api")) == ["1.0", "1.1"]
    assert skopeo.digest(Image(f"{registry.host}/acme/api:1.0")) == image["digest"]


def test_a_login_over_tls_goes_through_a_file(
    registries: Registries, authority: Authority, tmp_path: Path
) -> None:
    registry = registries(users={"ann": "s3cret"}, tls=authority.server())
    seed = Seed(registry.url, "acme/api", auth=("ann", "s3cret"), ca=str(authority.file))
    image = seed.image("1.0")
    login = skopeo.authfile(tmp_path / "auth.json", {registry.host: ("ann", "s3cret")})
    reference = f"{registry.host}/acme/api:1.0"
    assert skopeo.digest(Image(reference, login, authority.directory)) == image["digest"]
    assert image["digest"] in skopeo.content(Image(reference, login, authority.directory), tmp_path / "copy")
    with pytest.raises(Refused, match=r"unauthorized|authentication required"):
        skopeo.digest(Image(reference, None, authority.directory))


def test_a_repository_is_what_stands_before_tag_and_digest() -> None:
    references = (
        "127.0.0.1:5000/a/b",
        "127.0.0.1:5000/a/b:1",
        "127.0.0.1:5000/a/b@sha256:00",
        "127.0.0.1:5/a/b:1@sha256:0",
    )
    assert {Image(text).repository.partition("/")[2] for text in references} == {"a/b"}
