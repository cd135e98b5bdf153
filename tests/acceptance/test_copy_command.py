"""`gcr-mirror copy`: one image between two real registries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mirror.demo import images
from mirror.demo.google import GoogleRegistry
from mirror.oci.digest import Digest
from tests.servers.command import gcr_mirror
from tests.servers.registry import Registries, Registry
from tests.servers.seed import Seed
from tests.servers.skopeo import Image, authfile, judge


def test_a_tag_is_copied_under_the_name_of_the_target(tmp_path: Path, registries: Registries) -> None:
    source, target = registries(), registries()
    Seed(source.url, "acme/api").platforms("1.0")
    names = f"{source.host}/acme/api:1.0", f"{target.host}/elsewhere/app:stable"
    ran = gcr_mirror("copy", *names, "--json", home=tmp_path)
    assert (ran.code, ran.mirror["copied"]) == (0, 1), ran.err
    assert judge(Image(names[0]), Image(names[1]), tmp_path / "judged")


def test_without_a_tag_the_target_gets_the_source_s(tmp_path: Path, registry: Registry) -> None:
    Seed(registry.url, "acme/api").image("1.0")
    ran = gcr_mirror("copy", f"{registry.host}/acme/api:1.0", f"{registry.host}/other/api", home=tmp_path)
    assert ran.code == 0, ran.err
    assert judge(
        Image(f"{registry.host}/acme/api:1.0"), Image(f"{registry.host}/other/api:1.0"), tmp_path / "judged"
    )


def test_an_image_that_is_named_by_its_digest_arrives_untagged(
    tmp_path: Path, registries: Registries
) -> None:
    source, target = registries(), registries()
    image = Seed(source.url, "acme/api").image("1.0")
    names = f"{source.host}/acme/api@{image['digest']}", f"{target.host}/acme/api"
    ran = gcr_mirror("copy", *names, home=tmp_path)
    assert ran.code == 0, ran.err
    assert judge(Image(names[0]), Image(f"{names[1]}@{image['digest']}"), tmp_path / "judged")


def test_what_is_there_already_is_not_written(tmp_path: Path, registries: Registries) -> None:
    source, target = registries(), registries()
    Seed(source.url, "acme/api").image("1.0")
    names = f"{source.host}/acme/api:1.0", f"{target.host}/acme/api:1.0"
    gcr_mirror("copy", *names, home=tmp_path)
    target.forget_requests()
    ran = gcr_mirror("copy", *names, "--json", home=tmp_path)
    assert (ran.code, ran.mirror["copied"], ran.mirror["unchanged"]) == (0, 0, 1)
    assert {request.method for request in target.requests()} <= {"GET", "HEAD"}


def test_cosign_signatures_go_along(tmp_path: Path, registries: Registries) -> None:
    source, target = registries(), registries()
    seed = Seed(source.url, "acme/api")
    image = seed.image("1.0")
    signature = images.cosign_tag(Digest(image["digest"]))
    seed.image(signature, layers=(b"a signature",))
    ran = gcr_mirror("copy", f"{source.host}/acme/api:1.0", f"{target.host}/acme/api", home=tmp_path)
    assert ran.code == 0, ran.err
    assert judge(
        Image(f"{source.host}/acme/api:{signature}"),
        Image(f"{target.host}/acme/api:{signature}"),
        tmp_path / "judged",
    )


def test_logins_come_from_the_docker_configuration_of_either_side(
    tmp_path: Path, registries: Registries
) -> None:
    source, target = registries(users={"ann": "one"}), registries(users={"bob": "two"})
    Seed(source.url, "acme/api", auth=("ann", "one")).image("1.0")
    docker = tmp_path / ".docker"
    docker.mkdir()
    authfile(docker / "config.json", {source.host: ("ann", "one"), target.host: ("bob", "two")})
    names = f"{source.host}/acme/api:1.0", f"{target.host}/acme/api:1.0"
    ran = gcr_mirror("copy", *names, home=tmp_path)
    assert ran.code == 0, ran.err


def test_logins_of_the_environment_come_first(tmp_path: Path, registries: Registries) -> None:
    source, target = registries(users={"ann": "one"}), registries(users={"bob": "two"})
    Seed(source.url, "acme/api", auth=("ann", "one")).image("1.0")
    logins = {
        "GCR_MIRROR_SOURCE_USERNAME": "ann",
        "GCR_MIRROR_SOURCE_PASSWORD": "one",
        "GCR_MIRROR_TARGET_USERNAME": "bob",
        "GCR_MIRROR_TARGET_PASSWORD": "wrong",
    }
    names = f"{source.host}/acme/api:1.0", f"{target.host}/acme/api:1.0"
    refused = gcr_mirror("copy", *names, env=logins, home=tmp_path)
    assert refused.code == 3
    assert target.host in refused.err
    assert (
        gcr_mirror("copy", *names, env=logins | {"GCR_MIRROR_TARGET_PASSWORD": "two"}, home=tmp_path).code
        == 0
    )


def test_a_google_key_of_the_environment_opens_a_google_like_registry(
    tmp_path: Path, registry: Registry
) -> None:
    Seed(registry.url, "acme/api").image("1.0")
    with GoogleRegistry(tmp_path / "google") as google:
        login = {
            "GCR_MIRROR_TARGET_USERNAME": "_json_key",
            "GCR_MIRROR_TARGET_PASSWORD": json.dumps(google.key),
        }
        names = f"{registry.host}/acme/api:1.0", f"{google.host}/{google.project}/api:1.0"
        ran = gcr_mirror("copy", *names, env=login, home=tmp_path)
        assert ran.code == 0, ran.err
        assert google.storage.repository(f"{google.project}/api").tags


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("https://registry.gitlab.com/a/b:1", "eu.gcr.io/p/b", "scheme"),
        ("registry.gitlab.com/Acme/b:1", "eu.gcr.io/p/b", "lower"),
        ("127.0.0.1:1/a/b:1", "127.0.0.1:1/a/b:1", "same image"),
        ("127.0.0.1:1/a/b:1", f"127.0.0.1:2/a/b@sha256:{'0' * 64}", "digest"),
    ],
)
def test_references_that_cannot_be_meant_are_usage_errors(
    tmp_path: Path, source: str, target: str, said: str
) -> None:
    ran = gcr_mirror("copy", source, target, home=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_an_image_that_is_not_there_is_said_so(tmp_path: Path, registry: Registry) -> None:
    Seed(registry.url, "acme/api").image("1.0")
    ran = gcr_mirror("copy", f"{registry.host}/acme/api:2.0", f"{registry.host}/other/api", home=tmp_path)
    assert ran.code == 1
    assert "2.0" in ran.err
