"""The embedded registries speak the protocol: skopeo, python-gitlab and a real registry say so."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from gitlab import Gitlab
from gitlab.exceptions import GitlabAuthenticationError, GitlabGetError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from mirror.demo import faults, images
from mirror.demo.access import Access, Account
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.tokens import certificate_pem
from tests.servers import skopeo
from tests.servers.certificates import Authority
from tests.servers.registry import Registries, Registry, TokenAuth
from tests.servers.skopeo import Image

# CNCF distribution takes a token for so many seconds more than it says.
LEEWAY = 60
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
    found = skopeo.judge(Image(source, logins), Image(target, logins), tmp_path / "judged")
    assert found[KINDS[kind].digest] == len(KINDS[kind].raw)
    assert google.count("PATCH", "^/artifacts-uploads/", 202) > 0
    assert gitlab.objects.count("GET", status=200) > 0


def test_skopeo_lists_the_tags_of_both(gitlab: GitLabRegistry, google: GoogleRegistry, logins: Path) -> None:
    tags = [f"1.{number}" for number in range(10, 40)]
    images.image("seed").store(gitlab.storage.repository("acme/api"), *tags)
    images.image("seed").store(google.storage.repository(f"{PROJECT}/acme/api"), *tags)
    assert skopeo.list_tags(Image(f"{gitlab.host}/acme/api", logins)) == tags
    assert skopeo.list_tags(Image(f"{google.host}/{PROJECT}/acme/api", logins)) == tags
    assert all(seen.method == "GET" for seen in gitlab.requests + google.requests)


def test_skopeo_is_refused_with_another_password(gitlab: GitLabRegistry, tmp_path: Path) -> None:
    images.image("seed").store(gitlab.storage.repository("acme/api"), "1")
    wrong = skopeo.authfile(tmp_path / "wrong.json", {gitlab.host: ("mirror", "wrong")})
    with pytest.raises(skopeo.Refused, match=r"unauthorized|authentication|invalid username"):
        skopeo.digest(Image(f"{gitlab.host}/acme/api:1", wrong))


def test_skopeo_sees_bytes_that_were_changed_on_the_way(
    gitlab: GitLabRegistry, logins: Path, tmp_path: Path
) -> None:
    images.image("seed").store(gitlab.storage.repository("acme/api"), "1")
    gitlab.objects.faults.add(faults.wrong_bytes(), times=None)
    with pytest.raises(skopeo.Refused, match=r"Digest did not match|checksum"):
        skopeo.copy_to_directory(Image(f"{gitlab.host}/acme/api:1", logins), tmp_path / "copy")


def test_a_manifest_is_read_byte_for_byte(gitlab: GitLabRegistry, logins: Path) -> None:
    odd = images.odd(images.multi_platform("odd")).store(gitlab.storage.repository("acme/api"), "1")
    assert skopeo.inspect_raw(Image(f"{gitlab.host}/acme/api:1", logins)) == odd.raw


def test_skopeo_pulls_over_tls(authority: Authority, tmp_path: Path) -> None:
    made = authority.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    image = images.image("seed", size=300_000)
    with GitLabRegistry(tls=context) as gitlab:
        image.store(gitlab.storage.repository("acme/api"), "1")
        logins = skopeo.authfile(tmp_path / "auth.json", {gitlab.host: ("mirror", "secret")})
        found = skopeo.content(
            Image(f"{gitlab.host}/acme/api:1", logins, authority.directory), tmp_path / "copy"
        )
    assert found.keys() == {image.digest} | {blob.digest for blob in image.blobs}


class TestTokensForARealRegistry:
    """Debian's docker-registry behind the embedded token endpoint, which is how GitLab runs its own."""

    @pytest.fixture
    def registry(self, gitlab: GitLabRegistry, registries: Registries, tmp_path: Path) -> Registry:
        bundle = tmp_path / "bundle.pem"
        bundle.write_bytes(certificate_pem())
        tokens = gitlab.tokens
        return registries(token=TokenAuth(gitlab.realm, tokens.service, tokens.issuer, bundle))

    @pytest.fixture
    def login(self, registry: Registry, tmp_path: Path) -> Path:
        return skopeo.authfile(tmp_path / "real.json", {registry.host: ("mirror", "secret")})

    def test_it_takes_pushes_and_pulls(
        self, gitlab: GitLabRegistry, registry: Registry, login: Path, logins: Path, tmp_path: Path
    ) -> None:
        image = images.multi_platform("seed").store(gitlab.storage.repository("acme/api"), "1")
        both = skopeo.authfile(
            tmp_path / "both.json", dict.fromkeys((gitlab.host, registry.host), ("mirror", "secret"))
        )
        source, target = f"{gitlab.host}/acme/api:1", f"{registry.host}/acme/copy:1"
        copy(source, target, both)
        assert image.digest in skopeo.judge(Image(source, logins), Image(target, login), tmp_path / "judged")
        assert registry.count("PUT", "/manifests/") == 5

    def test_it_refuses_a_token_that_was_not_granted(
        self, gitlab: GitLabRegistry, registry: Registry, login: Path
    ) -> None:
        gitlab.users["mirror"] = Account("secret", pull=("other/*",), push=())
        with pytest.raises(skopeo.Refused, match=r"denied|unauthorized|authentication required"):
            skopeo.list_tags(Image(f"{registry.host}/acme/api", login))
        assert gitlab.count("GET", "/jwt/auth", 200) > 0

    def test_it_refuses_a_token_whose_time_is_over(self, gitlab: GitLabRegistry, registry: Registry) -> None:
        access = [Access("catalog", frozenset("*"), "registry")]
        fresh = replace(gitlab.tokens, lifetime=5, backdate=LEEWAY).mint("mirror", access)
        ended = replace(gitlab.tokens, lifetime=5, backdate=LEEWAY + 5).mint("mirror", access)
        answers = [
            requests.get(
                f"{registry.url}/v2/_catalog", headers={"Authorization": f"Bearer {token}"}, timeout=10
            ).status_code
            for token in (fresh, ended)
        ]
        assert answers == [200, 401]


def test_python_gitlab_finds_the_repositories(gitlab: GitLabRegistry) -> None:
    paths = [f"acme/shop/image-{number:03}" for number in range(45)]
    for path in (*paths, "acme/tools/cli", "other/x"):
        gitlab.storage.repository(path)
    with Gitlab(gitlab.api_url, private_token="secret") as api:
        api.auth()
        assert api.user is not None
        assert api.user.username == "mirror"
        group = api.groups.get("acme")
        found = [one.path for one in group.registry_repositories.list(iterator=True)]
        assert found == [*paths, "acme/tools/cli"]
        project = api.projects.get("acme/shop")
        assert [one.path for one in project.repositories.list(get_all=True)] == paths
        assert gitlab.count("GET", "/registry/repositories$") == 3 + 3
        with pytest.raises(GitlabGetError, match="404"):
            api.groups.get("acme/none")


def test_python_gitlab_with_a_deploy_token_is_refused() -> None:
    with (
        GitLabRegistry(users={"deploy": Account("token", api=False)}) as gitlab,
        Gitlab(gitlab.api_url, private_token="token") as api,
        pytest.raises(GitlabAuthenticationError),
    ):
        api.groups.get("acme")


def test_google_auth_trades_the_key_for_an_access_token_that_logs_in(
    google: GoogleRegistry, tmp_path: Path
) -> None:
    image = images.image("seed").store(google.storage.repository(f"{PROJECT}/acme/api"), "1")
    credentials = service_account.Credentials.from_service_account_info(
        google.key, scopes=["https://www.googleapis.com/auth/cloud-platform"]
    )
    with requests.Session() as session:
        credentials.refresh(Request(session))
    login = skopeo.authfile(tmp_path / "auth.json", {google.host: ("oauth2accesstoken", credentials.token)})
    assert skopeo.digest(Image(f"{google.host}/{PROJECT}/acme/api:1", login)) == image.digest
