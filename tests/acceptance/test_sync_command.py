"""`gcr-mirror sync` between real registries, judged by skopeo."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mirror.demo import images
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.samples import fill
from tests.servers.certificates import Authority
from tests.servers.command import configuration, gcr_mirror, plain
from tests.servers.gitlab import token_auth
from tests.servers.registry import Registries
from tests.servers.seed import Seed
from tests.servers.skopeo import Image, authfile, judge


def test_every_kind_of_image_arrives_as_skopeo_reads_it_at_the_source(
    tmp_path: Path, registries: Registries
) -> None:
    source, target = registries(), registries()
    seed = Seed(source.url, "acme/api")
    seed.image("single")
    seed.platforms("many")
    seed.index([seed.platforms(), seed.image(layers=(b"beside",))], "nested")
    Seed(source.url, "acme/web").image("single")
    config = configuration(tmp_path, plain(source.host), plain(target.host), prefix="gitlab")
    ran = gcr_mirror("sync", "-c", config, "--json", home=tmp_path)
    assert (ran.code, ran.mirror["copied"], ran.mirror["failed"]) == (0, 4, 0)
    for name in ("acme/api:single", "acme/api:many", "acme/api:nested", "acme/web:single"):
        at_source, at_target = Image(f"{source.host}/{name}"), Image(f"{target.host}/gitlab/{name}")
        assert judge(at_source, at_target, tmp_path / name.replace("/", "-"))


def test_a_second_pass_asks_by_head_and_writes_nothing(tmp_path: Path, registries: Registries) -> None:
    source, target = registries(), registries()
    for tag in ("1", "2", "3"):
        Seed(source.url, "acme/api").image(tag, layers=(tag.encode(),))
    config = configuration(tmp_path, plain(source.host), plain(target.host), repositories=["acme/api"])
    gcr_mirror("sync", "-c", config, home=tmp_path)
    source.forget_requests()
    target.forget_requests()
    ran = gcr_mirror("sync", "-c", config, "--json", home=tmp_path)
    assert (ran.mirror["copied"], ran.mirror["unchanged"], ran.mirror["bytes"]) == (0, 3, 0)
    for registry in (source, target):
        assert registry.count("HEAD", "/manifests/") == 3
        assert registry.count("GET", "/tags/list") == 1
    assert {request.method for request in target.requests()} == {"GET", "HEAD"}
    assert ran.mirror["requests"] == {
        "source": len(source.requests()),
        "target": len(target.requests()),
    }


def test_tokens_of_gitlab_are_renewed_while_a_copy_runs(tmp_path: Path, registries: Registries) -> None:
    with GitLabRegistry(tmp_path / "gitlab", users={"mirror": "secret"}) as gitlab:
        # The registry believes a token for 60 s after its end; made that much older, it really ends after five.
        gitlab.tokens = replace(gitlab.tokens, lifetime=5, backdate=60)
        source = registries(token=token_auth(gitlab, tmp_path))
        target = registries()
        open_door = registries(
            settings={"storage": {"filesystem": {"rootdirectory": str(source.directory / "data")}}}
        )
        for tag in ("1", "2", "3", "4"):
            Seed(open_door.url, "acme/api").image(tag, layers=(tag.encode() * 1_000_000,))
        (tmp_path / "token").write_text("secret")
        login = {"username": "mirror", "password_file": str(tmp_path / "token")}
        config = configuration(
            tmp_path,
            plain(source.host, credentials=login),
            plain(target.host),
            limits={"bandwidth": "600KB/s", "images": 1, "blobs": 1},
            repositories=["acme/api"],
        )
        ran = gcr_mirror("sync", "-c", config, "--json", home=tmp_path)
        assert (ran.code, ran.out and ran.mirror["copied"]) == (0, 4), ran.err
        assert gitlab.count("GET", "/jwt/auth") >= 2
        assert all(request.status != 401 for request in source.requests()[1:])
        for tag in ("1", "4"):
            at_source = Image(f"{open_door.host}/acme/api:{tag}")
            assert judge(at_source, Image(f"{target.host}/acme/api:{tag}"), tmp_path / tag)


def test_basic_auth_is_sent_at_once_and_only_once_when_it_is_wrong(
    tmp_path: Path, registries: Registries
) -> None:
    source, target = registries(users={"ann": "right"}), registries(users={"bob": "right"})
    for path in ("acme/a", "acme/b", "acme/c"):
        Seed(source.url, path, auth=("ann", "right")).image("1")
    ends = (
        plain(source.host, credentials={"username": "ann", "password_env": "SOURCE"}),
        plain(target.host, credentials={"username": "bob", "password_env": "TARGET"}),
    )
    config = configuration(tmp_path, *ends, repositories=["acme/a", "acme/b", "acme/c"])
    source.forget_requests()
    wrong = gcr_mirror(
        "sync", "-c", config, "--json", home=tmp_path, env={"SOURCE": "wrong-secret", "TARGET": "right"}
    )
    assert wrong.code == 3
    assert [error["reason"] for error in wrong.mirror["errors"]] == ["unauthorized"]
    assert "wrong-secret" not in wrong.out + wrong.err
    # One to learn that a login is wanted; then as many as were under way before the first refusal came back.
    assert len(source.requests()) <= 1 + 3
    right = gcr_mirror(
        "sync", "-c", config, "--json", home=tmp_path, env={"SOURCE": "right", "TARGET": "right"}
    )
    assert (right.code, right.mirror["copied"]) == (0, 3)
    logins = authfile(tmp_path / "auth.json", {source.host: ("ann", "right"), target.host: ("bob", "right")})
    ends_of_a = (Image(f"{host}/acme/a:1", authfile=logins) for host in (source.host, target.host))
    assert judge(*ends_of_a, tmp_path / "judged")


def test_a_private_authority_is_trusted_when_it_is_named_and_only_then(
    tmp_path: Path, registries: Registries, authority: Authority
) -> None:
    source, target = registries(tls=authority.server()), registries(tls=authority.server())
    Seed(source.url, "acme/api", ca=str(authority.file)).image("1")
    ends = [{"kind": "oci", "host": one.host} for one in (source, target)]
    config = configuration(tmp_path, *ends, repositories=["acme/api"])
    distrusted = gcr_mirror("sync", "-c", config, home=tmp_path)
    assert distrusted.code == 3
    assert "ca_file" in distrusted.err
    config = configuration(
        tmp_path, *({**end, "ca_file": str(authority.file)} for end in ends), repositories=["acme/api"]
    )
    assert gcr_mirror("sync", "-c", config, home=tmp_path).code == 0
    at_both = (Image(f"{one.host}/acme/api:1", ca=authority.directory) for one in (source, target))
    assert judge(*at_both, tmp_path / "judged")


def test_from_gitlab_to_google_with_discovery_and_logins(tmp_path: Path) -> None:
    with (
        GitLabRegistry(tmp_path / "gitlab", users={"mirror": "secret"}) as gitlab,
        GoogleRegistry(tmp_path / "google") as google,
    ):
        samples = fill(gitlab.storage, size=2000)
        (tmp_path / "token").write_text("secret\n")
        (tmp_path / "key.json").write_text(json.dumps(google.key))
        config = configuration(
            tmp_path,
            {
                "kind": "gitlab",
                "host": gitlab.host,
                "api_url": gitlab.api_url,
                "insecure": True,
                "credentials": {"username": "mirror", "password_file": "token"},
            },
            {
                "kind": "google",
                "host": google.host,
                "project": google.project,
                "insecure": True,
                "credentials": {"json_key_file": "key.json"},
            },
            repositories=["acme/**"],
        )
        ran = gcr_mirror("sync", "-c", config, "--json", home=tmp_path)
        assert (ran.code, ran.mirror["failed"]) == (0, 0), ran.out
        assert ran.mirror["copied"] == sum(len(sample.tags) for sample in samples)
        logins = authfile(
            tmp_path / "auth.json",
            {gitlab.host: ("mirror", "secret"), google.host: ("_json_key", json.dumps(google.key))},
        )
        sample = next(one for one in samples if one.image.referrers)
        name = f"{sample.repository}:{sample.tags[0]}"
        assert judge(
            Image(f"{gitlab.host}/{name}", authfile=logins),
            Image(f"{google.host}/{google.project}/{name}", authfile=logins),
            tmp_path / "judged",
        )
        copied = google.storage.repository(f"{google.project}/{sample.repository}")
        assert all(copied.find(one.digest) for one in sample.image.referrers)
        listed = gcr_mirror("list", "-c", config, "to", "--json", home=tmp_path)
        assert {row["digest"] for row in json.loads(listed.out)} == {one.image.digest for one in samples}


def test_what_fails_is_named_and_the_rest_is_copied(tmp_path: Path, registries: Registries) -> None:
    source, target = registries(), registries()
    Seed(source.url, "acme/api").image("whole")
    config = configuration(
        tmp_path, plain(source.host), plain(target.host), repositories=["acme/api", "acme/missing"]
    )
    ran = gcr_mirror("sync", "-c", config, "--json", home=tmp_path)
    assert (ran.code, ran.mirror["copied"]) == (1, 1)
    assert [(error["reference"], error["reason"]) for error in ran.mirror["errors"]] == [
        ("acme/missing", "not_found")
    ]


def test_a_registry_that_is_down_is_said_so_with_its_own_exit_code(
    tmp_path: Path, registries: Registries
) -> None:
    source, target = registries(), registries()
    Seed(source.url, "acme/api").image("1")
    config = configuration(tmp_path, plain(source.host), plain(target.host), repositories=["acme/api"])
    target.stop()
    ran = gcr_mirror("sync", "-c", config, home=tmp_path)
    assert ran.code == 3
    assert target.host in ran.err
    assert "Traceback" not in ran.err


def test_a_dry_run_says_what_would_be_copied_and_writes_nothing(
    tmp_path: Path, registries: Registries
) -> None:
    source, target = registries(), registries()
    Seed(source.url, "acme/api").image("1")
    config = configuration(tmp_path, plain(source.host), plain(target.host))
    ran = gcr_mirror("sync", "-c", config, "--dry-run", home=tmp_path)
    assert (ran.code, "1 of 1 tags would be copied" in ran.out) == (0, True)
    assert {request.method for request in target.requests()} <= {"GET", "HEAD"}


@pytest.mark.parametrize("words", [["--mirror", "other"], ["--no-such-option"]])
def test_a_wrong_word_is_a_usage_error(tmp_path: Path, words: list[str]) -> None:
    config = configuration(tmp_path, plain("127.0.0.1:1"), plain("127.0.0.1:2"))
    ran = gcr_mirror("sync", "-c", config, *words, home=tmp_path)
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_images_of_a_platform_filter_are_announced_as_new_digests(
    tmp_path: Path, registries: Registries
) -> None:
    source, target = registries(), registries()
    Seed(source.url, "acme/api").platforms("1")
    config = configuration(tmp_path, plain(source.host), plain(target.host), platforms=["linux/amd64"])
    ran = gcr_mirror("sync", "-c", config, home=tmp_path)
    assert ran.code == 0
    assert "new digests" in ran.err


def test_odd_bytes_of_a_manifest_survive(tmp_path: Path, registries: Registries) -> None:
    source, target = registries(), registries()
    seed = Seed(source.url, "acme/api")
    plain_one = images.image("odd")
    for blob in plain_one.blobs:
        seed.blob(b"".join(blob.chunks()))
    odd = images.odd(plain_one)
    seed.manifest(odd.raw, odd.media_type, "odd")
    config = configuration(tmp_path, plain(source.host), plain(target.host))
    assert gcr_mirror("sync", "-c", config, home=tmp_path).code == 0
    assert judge(
        Image(f"{source.host}/acme/api:odd"), Image(f"{target.host}/acme/api:odd"), tmp_path / "judged"
    )
