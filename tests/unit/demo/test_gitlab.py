"""The embedded GitLab behaves as GitLab does where it differs from the specification."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import jwt
import pytest
import requests

from mirror.demo import images
from mirror.demo.access import Account
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.repository import Repository

ALL_TYPES = f"{images.OCI_MANIFEST}, {images.OCI_INDEX}, {images.DOCKER_MANIFEST}, {images.DOCKER_INDEX}"
USERS = {
    "mirror": Account("secret", pull=("acme/*",), push=("acme/shop/*",)),
    "deploy": Account("token", push=(), api=False),
}


@pytest.fixture
def gitlab() -> Iterator[GitLabRegistry]:
    with GitLabRegistry(users=USERS, public=["open/*"]) as registry:
        yield registry


@pytest.fixture
def repository(gitlab: GitLabRegistry) -> Repository:
    return gitlab.storage.repository("acme/shop/api")


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


Login = tuple[str, str] | None


def ask_token(gitlab: GitLabRegistry, *scopes: str, login: Login = ("mirror", "secret")) -> requests.Response:
    query = {"service": "container_registry", "scope": list(scopes)}
    return requests.get(gitlab.realm, params=query, auth=login, timeout=10)


def granted(answer: requests.Response) -> dict[str, set[str]]:
    """Repository -> actions of a token answer, which has nothing but the token in it."""
    assert list(answer.json()) == ["token"]
    claims = jwt.decode(answer.json()["token"], options={"verify_signature": False})
    return {one["name"]: set(one["actions"]) for one in claims["access"]}


@pytest.fixture
def pull(gitlab: GitLabRegistry) -> dict[str, str]:
    """Headers with a token for acme/shop/api."""
    answer = ask_token(gitlab, "repository:acme/shop/api:pull")
    return {"Authorization": f"Bearer {answer.json()['token']}", "Accept": ALL_TYPES}


class TestTokens:
    def test_a_request_without_token_is_sent_to_the_realm(
        self, gitlab: GitLabRegistry, http: requests.Session
    ) -> None:
        answer = http.get(f"{gitlab.url}/v2/")
        expected = f'Bearer realm="{gitlab.realm}",service="container_registry"'
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, expected)
        answer = http.get(f"{gitlab.url}/v2/acme/shop/api/tags/list")
        assert 'scope="repository:acme/shop/api:pull"' in answer.headers["WWW-Authenticate"]

    def test_a_denied_scope_is_left_out_of_the_token(self, gitlab: GitLabRegistry) -> None:
        answer = ask_token(gitlab, "repository:acme/shop/api:pull,push", "repository:other/api:pull")
        assert granted(answer) == {"acme/shop/api": {"pull", "push"}}
        assert granted(ask_token(gitlab, "repository:acme/api:pull,push")) == {"acme/api": {"pull"}}
        assert granted(ask_token(gitlab, "repository:other/api:pull registry:catalog:*")) == {}

    @pytest.mark.parametrize("login", [("mirror", "wrong"), ("nobody", "secret")])
    def test_a_wrong_password_is_refused(self, gitlab: GitLabRegistry, login: Login) -> None:
        answer = ask_token(gitlab, "repository:open/api:pull", login=login)
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["message"].startswith("HTTP Basic: Access denied")

    def test_without_login_only_what_is_public_is_granted(self, gitlab: GitLabRegistry) -> None:
        answer = ask_token(gitlab, "repository:open/api:pull,push", login=None)
        assert granted(answer) == {"open/api": {"pull"}}
        answer = ask_token(gitlab, "repository:acme/api:pull", login=None)
        assert answer.status_code == 403
        assert answer.json()["errors"] == [{"code": "DENIED", "message": "access forbidden"}]

    def test_asking_to_push_makes_the_repository(self, gitlab: GitLabRegistry) -> None:
        ask_token(gitlab, "repository:acme/shop/read:pull")
        ask_token(gitlab, "repository:acme/shop/written:pull,push")
        assert gitlab.storage.repositories == ["acme/shop/written"]

    def test_a_token_that_is_too_weak_is_an_insufficient_scope(
        self, gitlab: GitLabRegistry, http: requests.Session, pull: dict[str, str]
    ) -> None:
        answer = http.get(f"{gitlab.url}/v2/acme/shop/web/tags/list", headers=pull)
        assert answer.status_code == 401
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]

    def test_an_expired_token_is_invalid(self, gitlab: GitLabRegistry, http: requests.Session) -> None:
        gitlab.tokens = replace(gitlab.tokens, lifetime=0.001)
        token = gitlab.tokens.mint("mirror")
        while gitlab.tokens.verify(token) is not None:
            pass
        answer = http.get(f"{gitlab.url}/v2/", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]

    def test_a_weaker_token_grants_nothing(self, gitlab: GitLabRegistry) -> None:
        gitlab.faults.add(gitlab.weaker_token(), path="/jwt/auth")
        assert granted(ask_token(gitlab, "repository:acme/shop/api:pull")) == {}
        assert granted(ask_token(gitlab, "repository:acme/shop/api:pull")) != {}

    def test_a_mount_needs_the_right_to_read_the_other_repository(
        self, gitlab: GitLabRegistry, http: requests.Session
    ) -> None:
        token = ask_token(gitlab, "repository:acme/shop/api:pull,push").json()["token"]
        query = f"?mount=sha256:{'0' * 64}&from=acme/shop/web"
        url = f"{gitlab.url}/v2/acme/shop/api/blobs/uploads/"
        headers = {"Authorization": f"Bearer {token}"}
        assert http.post(url + query, headers=headers).status_code == 401
        assert http.post(url, headers=headers).status_code == 202


class TestManifests:
    def get(
        self, gitlab: GitLabRegistry, reference: str, pull: dict[str, str], accept: str
    ) -> requests.Response:
        url = f"{gitlab.url}/v2/acme/shop/api/manifests/{reference}"
        return requests.get(url, headers=pull | {"Accept": accept}, timeout=10)

    @pytest.mark.parametrize("accept", ["*/*", images.DOCKER_MANIFEST, images.OCI_INDEX])
    def test_an_oci_manifest_is_not_found_by_who_does_not_accept_it(
        self, gitlab: GitLabRegistry, repository: Repository, pull: dict[str, str], accept: str
    ) -> None:
        images.image("seed").store(repository, "1")
        answer = self.get(gitlab, "1", pull, accept)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
        assert self.get(gitlab, "1", pull, ALL_TYPES).status_code == 200

    def test_a_docker_list_asked_for_by_tag_becomes_its_amd64_child(
        self, gitlab: GitLabRegistry, repository: Repository, pull: dict[str, str]
    ) -> None:
        index = images.multi_platform("seed", docker=True).store(repository, "1")
        answer = self.get(gitlab, "1", pull, images.DOCKER_MANIFEST)
        assert answer.headers["Docker-Content-Digest"] == index.children[0].digest
        assert self.get(gitlab, index.digest, pull, images.DOCKER_MANIFEST).content == index.raw
        assert self.get(gitlab, "1", pull, ALL_TYPES).content == index.raw

    def test_schema_1_is_refused_where_it_is_read(
        self, gitlab: GitLabRegistry, repository: Repository, pull: dict[str, str]
    ) -> None:
        repository.put(*images.schema1("old"), "1")
        answer = self.get(gitlab, "1", pull, ALL_TYPES)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "MANIFEST_INVALID")

    def test_there_are_no_referrers(
        self, gitlab: GitLabRegistry, repository: Repository, pull: dict[str, str]
    ) -> None:
        image = images.signed(images.image("seed")).store(repository, "1")
        url = f"{gitlab.url}/v2/acme/shop/api/referrers/{image.digest}"
        assert requests.get(url, headers=pull, timeout=10).status_code == 404


class TestBlobs:
    @pytest.fixture
    def location(self, gitlab: GitLabRegistry, repository: Repository, pull: dict[str, str]) -> str:
        digest = repository.add(b"0123456789")
        url = f"{gitlab.url}/v2/acme/shop/api/blobs/{digest}"
        for method in ("GET", "HEAD"):
            answer = requests.request(method, url, headers=pull, allow_redirects=False, timeout=10)
            assert answer.status_code == 307
        return answer.headers["Location"]

    def test_a_blob_is_redirected_to_the_object_storage(
        self, gitlab: GitLabRegistry, http: requests.Session, location: str
    ) -> None:
        assert urlsplit(location).netloc == gitlab.objects.host != gitlab.host
        assert http.get(location).content == b"0123456789"
        answer = http.get(location, headers={"Range": "bytes=5-"})
        assert (answer.status_code, answer.content) == (206, b"56789")

    def test_the_object_storage_refuses_a_second_login(
        self, gitlab: GitLabRegistry, http: requests.Session, location: str, pull: dict[str, str]
    ) -> None:
        answer = http.get(location, headers={"Authorization": pull["Authorization"]})
        assert (answer.status_code, "InvalidArgument" in answer.text) == (400, True)

    def test_a_signed_url_ends(self, gitlab: GitLabRegistry, http: requests.Session, location: str) -> None:
        end = float(parse_qs(urlsplit(location).query)["Expires"][0])
        gitlab.objects._now = lambda: end + 1
        assert "ExpiredToken" in http.get(location).text

    def test_a_changed_url_is_refused(self, http: requests.Session, location: str) -> None:
        answer = http.get(location.replace("/data", "/other"))
        assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)

    def test_a_blob_that_is_gone_is_no_key(
        self, gitlab: GitLabRegistry, http: requests.Session, location: str
    ) -> None:
        gitlab.storage._content.sizes.clear()
        assert "NoSuchKey" in http.get(location).text

    def test_without_redirects_the_registry_sends_blobs_itself(
        self, gitlab: GitLabRegistry, repository: Repository, pull: dict[str, str]
    ) -> None:
        gitlab.redirects = False
        digest = repository.add(b"blob")
        url = f"{gitlab.url}/v2/acme/shop/api/blobs/{digest}"
        assert requests.get(url, headers=pull, allow_redirects=False, timeout=10).content == b"blob"


class TestTags:
    START = datetime(2026, 1, 1, 12, 30, 15, 250_000, UTC)

    def list(self, gitlab: GitLabRegistry, pull: dict[str, str], query: str = "") -> requests.Response:
        url = f"{gitlab.url}/gitlab/v1/repositories/acme/shop/api/tags/list/{query}"
        return requests.get(url, headers=pull, timeout=10)

    def names(self, answer: requests.Response) -> list[str]:
        assert answer.status_code == 200, answer.text
        return [entry["name"] for entry in answer.json()]

    @pytest.fixture
    def dated(self, repository: Repository) -> Repository:
        """Tags a to e, of which e is the oldest."""
        image = images.image("seed").store(repository, *"abcde")
        assert image
        for age, tag in enumerate("abcde"):
            repository.date(tag, self.START - timedelta(hours=age))
        return repository

    def test_a_tag_has_digest_size_and_times(
        self, gitlab: GitLabRegistry, repository: Repository, pull: dict[str, str]
    ) -> None:
        image = images.image("seed").store(repository, "1.0")
        repository.date("1.0", self.START)
        [entry] = self.list(gitlab, pull).json()
        assert entry == {
            "name": "1.0",
            "digest": image.digest,
            "config_digest": image.blobs[0].digest,
            "media_type": image.media_type,
            "size_bytes": len(image.raw) + sum(blob.size for blob in image.blobs),
            "created_at": "2026-01-01T12:30:15.250+00:00",
            "published_at": "2026-01-01T12:30:15.250+00:00",
        }
        images.multi_platform("seed").store(repository, "1.0")
        [entry] = self.list(gitlab, pull).json()
        assert "config_digest" not in entry
        assert entry["published_at"] == entry["updated_at"] > entry["created_at"]

    def test_referrers_are_listed_when_asked_for(
        self, gitlab: GitLabRegistry, repository: Repository, pull: dict[str, str]
    ) -> None:
        image = images.signed(images.image("seed")).store(repository, "1.0")
        [plain] = self.list(gitlab, pull).json()
        [entry] = self.list(gitlab, pull, "?referrers=true").json()
        assert "referrers" not in plain
        assert entry["referrers"] == [{"artifactType": images.COSIGN, "digest": image.referrers[0].digest}]

    @pytest.mark.parametrize(
        ("sort", "order"),
        [("name", "abcde"), ("-name", "edcba"), ("published_at", "edcba"), ("-published_at", "abcde")],
    )
    def test_pages_lead_forward_and_back(
        self, gitlab: GitLabRegistry, dated: Repository, pull: dict[str, str], sort: str, order: str
    ) -> None:
        pages: list[Any] = [self.list(gitlab, pull, f"?n=2&sort={sort}")]
        while "next" in pages[-1].links:
            url = urljoin(gitlab.url, pages[-1].links["next"]["url"])
            pages.append(requests.get(url, headers=pull, timeout=10))
        assert ["".join(self.names(page)) for page in pages] == [order[:2], order[2:4], order[4:]]
        assert "previous" not in pages[0].links
        back = requests.get(urljoin(gitlab.url, pages[2].links["previous"]["url"]), headers=pull, timeout=10)
        assert "".join(self.names(back)) == order[2:4]
        assert {"next", "previous"} <= back.links.keys()

    def test_names_are_filtered(
        self, gitlab: GitLabRegistry, repository: Repository, pull: dict[str, str]
    ) -> None:
        images.image("seed").store(repository, "1.0", "1.0-rc", "2.0")
        assert self.names(self.list(gitlab, pull, "?name=1.0")) == ["1.0", "1.0-rc"]
        assert self.names(self.list(gitlab, pull, "?name_exact=1.0")) == ["1.0"]

    @pytest.mark.parametrize("query", ["?n=0", "?n=1001", "?sort=size"])
    def test_bad_parameters_are_refused(
        self, gitlab: GitLabRegistry, repository: Repository, pull: dict[str, str], query: str
    ) -> None:
        assert self.list(gitlab, pull, query).status_code == 400

    def test_the_slash_at_the_end_is_needed(
        self, gitlab: GitLabRegistry, repository: Repository, http: requests.Session
    ) -> None:
        url = f"{gitlab.url}/gitlab/v1/repositories/acme/shop/api/tags/list?n=5"
        answer = http.get(url, allow_redirects=False)
        assert answer.status_code == 301
        assert answer.headers["Location"] == "/gitlab/v1/repositories/acme/shop/api/tags/list/?n=5"

    def test_the_list_needs_a_token_and_a_repository(
        self, gitlab: GitLabRegistry, pull: dict[str, str]
    ) -> None:
        assert self.list(gitlab, {}).status_code == 401
        answer = self.list(gitlab, pull)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "NAME_UNKNOWN")

    def test_without_database_there_is_no_such_list(
        self, gitlab: GitLabRegistry, repository: Repository, pull: dict[str, str], http: requests.Session
    ) -> None:
        assert http.get(f"{gitlab.url}/gitlab/v1/", headers=pull).status_code == 200
        gitlab.database = False
        assert http.get(f"{gitlab.url}/gitlab/v1/", headers=pull).status_code == 404
        assert self.list(gitlab, pull).status_code == 404
        answer = http.get(f"{gitlab.url}/v2/acme/shop/api/tags/list", headers=pull)
        assert answer.json()["tags"] is None


class TestRest:
    def get(
        self, gitlab: GitLabRegistry, path: str, token: str = "secret", header: str = "Private-Token"
    ) -> requests.Response:
        headers = {header: token} if token else {}
        return requests.get(f"{gitlab.url}/api/v4/{path}", headers=headers, timeout=10)

    @pytest.fixture(autouse=True)
    def repositories(self, gitlab: GitLabRegistry) -> None:
        for name in ("acme/shop", "acme/shop/api", "acme/shop/web/assets", "acme/tools/deep/cli", "other/x"):
            gitlab.storage.repository(name)
        gitlab.api.projects.add("acme/tools/deep")

    def test_a_group_lists_the_repositories_of_all_its_projects(self, gitlab: GitLabRegistry) -> None:
        found = self.get(gitlab, "groups/acme/registry/repositories").json()
        assert [one["path"] for one in found] == [
            "acme/shop",
            "acme/shop/api",
            "acme/shop/web/assets",
            "acme/tools/deep/cli",
        ]
        assert [one["name"] for one in found] == ["", "api", "web/assets", "cli"]
        assert found[1]["location"] == f"{gitlab.host}/acme/shop/api"
        assert len({one["id"] for one in found}) == 4

    def test_a_project_lists_its_own(self, gitlab: GitLabRegistry) -> None:
        found = self.get(gitlab, "projects/acme%2Ftools%2Fdeep/registry/repositories").json()
        assert [one["path"] for one in found] == ["acme/tools/deep/cli"]
        project = self.get(gitlab, "projects/acme%2Ftools%2Fdeep").json()
        assert project["path_with_namespace"] == "acme/tools/deep"
        assert found[0]["project_id"] == project["id"]
        by_number = self.get(gitlab, f"projects/{project['id']}/registry/repositories").json()
        assert by_number == found

    def test_groups_list_what_is_below_them(self, gitlab: GitLabRegistry) -> None:
        projects = self.get(gitlab, "groups/acme/projects").json()
        assert [one["path_with_namespace"] for one in projects] == [
            "acme/shop",
            "acme/tools/deep",
        ]
        groups = self.get(gitlab, "groups/acme/subgroups").json()
        assert [one["full_path"] for one in groups] == ["acme/tools"]

    def test_lists_come_in_pages_of_twenty(self, gitlab: GitLabRegistry) -> None:
        for number in range(41):
            gitlab.storage.repository(f"many/p/{number:02}")
        first = self.get(gitlab, "groups/many/registry/repositories")
        assert [first.headers[f"X-{name}"] for name in ("Total", "Total-Pages", "Next-Page")] == [
            "41",
            "3",
            "2",
        ]
        last = self.get(gitlab, "groups/many/registry/repositories?page=3")
        assert ([one["name"] for one in last.json()], last.headers["X-Next-Page"]) == (["40"], "")
        assert "next" not in last.links
        assert (
            self.get(gitlab, "groups/many/registry/repositories?per_page=100").headers["X-Total-Pages"] == "1"
        )

    def test_a_status_is_shown(self, gitlab: GitLabRegistry) -> None:
        gitlab.api.status["acme/shop"] = "delete_scheduled"
        found = self.get(gitlab, "projects/acme%2Fshop/registry/repositories").json()
        assert [one["status"] for one in found] == ["delete_scheduled", None, None]

    def test_a_deploy_token_is_refused(self, gitlab: GitLabRegistry) -> None:
        assert [self.get(gitlab, "user", token).status_code for token in ("secret", "token", "")] == [
            200,
            401,
            401,
        ]
        assert self.get(gitlab, "version", "Bearer secret", "Authorization").status_code == 200

    @pytest.mark.parametrize("path", ["groups/none", "projects/acme", "groups/acme%2Fshop", "other"])
    def test_what_is_not_there_is_not_found(self, gitlab: GitLabRegistry, path: str) -> None:
        assert self.get(gitlab, path).status_code == 404
