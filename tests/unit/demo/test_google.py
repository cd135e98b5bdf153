"""The embedded Artifact Registry behaves as Google's does where it differs from the specification."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from mirror.demo import images
from mirror.demo.google import GoogleRegistry, service_account_key
from mirror.demo.repository import Repository
from mirror.oci.digest import Digest

PROJECT = "arctic-goal-676703"
NAME = f"{PROJECT}/acme/api"
BLOB = b"0123456789"
DIGEST = Digest.of(BLOB)
Login = tuple[str, str] | None


@pytest.fixture
def google() -> Iterator[GoogleRegistry]:
    with GoogleRegistry() as registry:
        yield registry


@pytest.fixture
def repository(google: GoogleRegistry) -> Repository:
    return google.storage.repository(NAME)


def key_login(google: GoogleRegistry) -> tuple[str, str]:
    return "_json_key", json.dumps(google.key)


def ask_token(google: GoogleRegistry, login: Login, *scopes: str) -> requests.Response:
    query = {"service": "gcr.io", "scope": list(scopes)}
    return requests.get(f"{google.url}/v2/token", params=query, auth=login, timeout=10)


def error(answer: requests.Response) -> tuple[int, str, str]:
    [found] = answer.json()["errors"]
    return answer.status_code, found["code"], found["message"]


def logged_in(google: GoogleRegistry, scope: str = f"repository:{NAME}:pull,push") -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    token = ask_token(google, key_login(google), scope).json()["token"]
    session.headers["Authorization"] = f"Bearer {token}"
    return session


@pytest.fixture
def http(google: GoogleRegistry) -> Iterator[requests.Session]:
    with logged_in(google) as session:
        yield session


@pytest.fixture
def base(google: GoogleRegistry) -> str:
    return f"{google.url}/v2/{NAME}"


class TestLogin:
    def test_a_request_without_token_is_sent_to_the_realm(self, google: GoogleRegistry) -> None:
        answer = requests.get(f"{google.url}/v2/", timeout=10)
        expected = f'Bearer realm="{google.url}/v2/token",service="gcr.io"'
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, expected)

    def test_the_key_logs_in_raw_or_in_base64(self, google: GoogleRegistry) -> None:
        text = json.dumps(google.key, indent=4)
        for login in (
            ("_json_key", text),
            ("_json_key_base64", base64.b64encode(text.encode()).decode()),
        ):
            answer = ask_token(google, login, f"repository:{NAME}:pull,push")
            assert (answer.status_code, answer.json()["expires_in"]) == (200, 3600)

    @pytest.mark.parametrize("user", ["_json_key", "_json_key_base64"])
    def test_a_broken_key_cannot_be_parsed(self, google: GoogleRegistry, user: str) -> None:
        answer = ask_token(google, (user, "{broken"), f"repository:{NAME}:pull")
        assert error(answer) == (401, "UNKNOWN", "Unable to parse json key.")

    def test_base64_given_as_raw_cannot_be_parsed(self, google: GoogleRegistry) -> None:
        text = base64.b64encode(json.dumps(google.key).encode()).decode()
        assert error(ask_token(google, ("_json_key", text), "repository:x:pull"))[1] == "UNKNOWN"

    def test_another_key_is_refused(self, google: GoogleRegistry) -> None:
        changed = google.key | {"private_key_id": "another"}
        assert ask_token(google, ("_json_key", json.dumps(changed))).status_code == 401
        assert ask_token(google, ("someone", "password")).status_code == 401

    def test_an_access_token_logs_in(self, google: GoogleRegistry, base: str) -> None:
        google.access_tokens.add("ya29.good")
        scope = f"repository:{NAME}:pull"
        assert ask_token(google, ("oauth2accesstoken", "ya29.good"), scope).status_code == 200
        assert ask_token(google, ("oauth2accesstoken", "ya29.bad"), scope).status_code == 401
        for token, status in (("ya29.good", 404), ("ya29.bad", 401)):
            assert requests.get(f"{base}/tags/list", auth=("_token", token), timeout=10).status_code == status

    def test_one_denied_scope_fails_the_whole_request(self, google: GoogleRegistry) -> None:
        scopes = f"repository:{NAME}:pull,push", "repository:another-project/x:pull"
        status, code, message = error(ask_token(google, key_login(google), *scopes))
        assert (status, code) == (403, "DENIED")
        assert message.endswith("(or it may not exist)")

    def test_a_key_that_may_not_push_is_told_which_permission_it_lacks(self) -> None:
        with GoogleRegistry(actions=["pull"], location="europe", repository="eu.gcr.io") as google:
            answer = ask_token(google, key_login(google), f"repository:{NAME}:pull,push")
        resource = f"projects/{PROJECT}/locations/europe/repositories/eu.gcr.io"
        permission = "artifactregistry.repositories.uploadArtifacts"
        message = f'Permission "{permission}" denied on resource "{resource}" (or it may not exist)'
        assert error(answer) == (403, "DENIED", message)

    def test_without_login_the_request_is_unauthenticated(self, google: GoogleRegistry) -> None:
        status, code, message = error(ask_token(google, None, f"repository:{NAME}:push"))
        assert (status, code) == (403, "DENIED")
        assert message.startswith("Unauthenticated request. Unauthenticated requests do not have permission")
        assert '"artifactregistry.repositories.uploadArtifacts" on resource' in message

    def test_a_given_key_is_the_one(self) -> None:
        key = service_account_key("other-project")
        with GoogleRegistry(project="other-project", key=key) as google:
            login = "_json_key", json.dumps(key)
            assert ask_token(google, login, "repository:other-project/x:pull").status_code == 200

    def test_a_domain_scoped_project_is_two_parts_of_the_path(self) -> None:
        with GoogleRegistry(project="example.com:shop") as google:
            for name, status in (("example.com/shop/api", 200), ("example.com:shop/api", 403)):
                scope = f"repository:{name}:pull"
                assert ask_token(google, key_login(google), scope).status_code == status


class TestUploads:
    def begin(self, http: requests.Session, base: str) -> str:
        answer = http.post(f"{base}/blobs/uploads/")
        assert answer.status_code == 202
        return urljoin(base, answer.headers["Location"])

    def test_a_location_is_long_and_not_below_v2(self, http: requests.Session, base: str) -> None:
        path = urlsplit(self.begin(http, base)).path
        assert path.startswith(f"/artifacts-uploads/namespaces/{PROJECT}/repositories/acme%2Fapi/uploads/")
        assert len(path) > 1500

    def test_a_blob_comes_with_the_put(
        self, http: requests.Session, base: str, repository: Repository
    ) -> None:
        answer = http.put(self.begin(http, base), params={"digest": DIGEST}, data=BLOB)
        assert answer.status_code == 201
        assert repository.has(DIGEST)

    def test_a_blob_comes_with_one_patch(
        self, http: requests.Session, base: str, repository: Repository
    ) -> None:
        patched = http.patch(self.begin(http, base), data=BLOB)
        url = urljoin(base, patched.headers["Location"])
        assert http.put(url, params={"digest": DIGEST}).status_code == 201
        assert repository.has(DIGEST)

    def test_chunks_are_refused(self, http: requests.Session, base: str) -> None:
        headers = {"Content-Range": "0-3"}
        assert error(http.patch(self.begin(http, base), data=BLOB[:4], headers=headers))[:2] == (
            400,
            "UNSUPPORTED",
        )
        second = urljoin(base, http.patch(self.begin(http, base), data=BLOB[:4]).headers["Location"])
        assert error(http.patch(second, data=BLOB[4:]))[:2] == (400, "UNSUPPORTED")
        assert error(http.put(second, params={"digest": DIGEST}, data=BLOB[4:]))[:2] == (400, "UNSUPPORTED")

    def test_an_upload_cannot_be_resumed(self, http: requests.Session, base: str) -> None:
        assert http.get(self.begin(http, base)).status_code == 404

    def test_an_image_needs_a_name(self, google: GoogleRegistry) -> None:
        with logged_in(google, f"repository:{PROJECT}:pull,push") as http:
            answer = http.post(f"{google.url}/v2/{PROJECT}/blobs/uploads/")
        assert error(answer)[:2] == (400, "NAME_INVALID")


class TestLists:
    def test_a_list_tells_everything_there_is(
        self, http: requests.Session, base: str, google: GoogleRegistry, repository: Repository
    ) -> None:
        index = images.index([images.image("child")]).store(repository, "1.0", "latest")
        google.storage.repository(f"{NAME}/below/deep")
        google.storage.repository(f"{NAME}-other")
        found = http.get(f"{base}/tags/list").json()
        assert found["tags"] == ["1.0", "latest"]
        assert found["child"] == ["below"]
        assert found["manifest"].keys() == {index.digest, index.children[0].digest}
        told = found["manifest"][index.digest]
        assert (told["tag"], told["mediaType"]) == (["1.0", "latest"], index.media_type)
        assert {type(told[name]) for name in ("imageSizeBytes", "timeCreatedMs", "timeUploadedMs")} == {str}
        assert int(told["timeUploadedMs"]) > 1_700_000_000_000
        assert found["manifest"][index.children[0].digest]["tag"] == []

    def test_a_path_above_repositories_lists_its_children(self, google: GoogleRegistry) -> None:
        images.image("a").store(google.storage.repository(NAME), "1")
        google.storage.repository(f"{PROJECT}/zoo")
        for path, children in ((PROJECT, ["acme", "zoo"]), (f"{PROJECT}/acme", ["api"])):
            with logged_in(google, f"repository:{path}:pull") as http:
                found = http.get(f"{google.url}/v2/{path}/tags/list").json()
            assert (found["child"], found["tags"], found["manifest"]) == (children, [], {})

    def test_what_is_not_there_is_unknown(self, http: requests.Session, base: str) -> None:
        assert error(http.get(f"{base}/tags/list"))[:2] == (404, "NAME_UNKNOWN")

    def test_there_is_no_catalog(self, http: requests.Session, google: GoogleRegistry) -> None:
        assert http.get(f"{google.url}/v2/_catalog").status_code == 404

    def test_there_are_referrers(self, http: requests.Session, base: str, repository: Repository) -> None:
        image = images.signed(images.image("seed")).store(repository, "1")
        [found] = http.get(f"{base}/referrers/{image.digest}").json()["manifests"]
        assert (found["digest"], found["artifactType"]) == (image.referrers[0].digest, images.COSIGN)


class TestDeletes:
    def delete(self, http: requests.Session, base: str, reference: str) -> object:
        answer = http.delete(f"{base}/manifests/{reference}")
        return answer.status_code if answer.ok else answer.json()["errors"][0]["code"]

    def test_tags_go_first_then_parents_then_children(
        self, http: requests.Session, base: str, repository: Repository
    ) -> None:
        child = images.image("child")
        index = images.signed(images.index([child])).store(repository, "1.0")
        assert self.delete(http, base, index.digest) == "GOOGLE_MANIFEST_DANGLING_TAG"
        assert self.delete(http, base, "1.0") == 202
        assert self.delete(http, base, child.digest) == "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE"
        assert self.delete(http, base, index.digest) == "GOOGLE_MANIFEST_REFERRING_MANIFEST"
        for one in (index.referrers[0], index, child):
            assert self.delete(http, base, one.digest) == 202
        assert repository.manifests == {}

    def test_the_writer_role_does_not_delete(
        self, http: requests.Session, base: str, google: GoogleRegistry, repository: Repository
    ) -> None:
        images.image("seed").store(repository, "1.0")
        google.actions = frozenset({"pull", "push"})
        answer = http.delete(f"{base}/manifests/1.0")
        assert error(answer)[:2] == (403, "DENIED")
        assert "deleteArtifacts" in error(answer)[2]

    def test_blobs_are_not_deleted(self, http: requests.Session, base: str, repository: Repository) -> None:
        repository.add(BLOB)
        assert http.delete(f"{base}/blobs/{DIGEST}").status_code == 405


class TestMissingRepository:
    def session(self, google: GoogleRegistry, actions: str) -> requests.Session:
        return logged_in(google, f"repository:{NAME}:{actions}")

    def test_reading_says_that_the_host_has_no_repository(self) -> None:
        with GoogleRegistry(exists=False) as google, self.session(google, "pull") as http:
            answer = http.get(f"{google.url}/v2/{NAME}/tags/list")
        assert error(answer) == (404, "NAME_UNKNOWN", 'Repository "gcr.io" not found')

    def test_pushing_needs_the_right_to_create(self) -> None:
        with GoogleRegistry(exists=False) as google:
            answer = ask_token(google, key_login(google), f"repository:{NAME}:pull,push")
        status, code, message = error(answer)
        assert (status, code) == (403, "DENIED")
        assert "artifactregistry.repositories.createOnPush permission" in message

    def test_with_that_right_the_first_push_creates_it(self) -> None:
        with (
            GoogleRegistry(exists=False, create_on_push=True) as google,
            self.session(google, "pull,push") as http,
        ):
            base = f"{google.url}/v2/{NAME}"
            assert http.get(f"{base}/tags/list").json()["errors"][0]["code"] == "NAME_UNKNOWN"
            assert not google.exists
            assert http.post(f"{base}/blobs/uploads/").status_code == 202
            assert google.exists
            assert http.get(f"{base}/tags/list").status_code == 200


def test_a_bad_assertion_gets_no_access_token(google: GoogleRegistry) -> None:
    for form in ({}, {"assertion": "x.y.z"}, {"assertion": google.tokens.mint("someone")}):
        answer: Any = requests.post(f"{google.url}/oauth2/token", data=form, timeout=10)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_token_is_asked_for_with_get_and_clients_of_oauth_2_fall_back_to_it(google: GoogleRegistry) -> None:
    """Docker's containerd store tries POST first and takes 404 for "not here"."""
    answer = requests.post(f"{google.url}/v2/token", data={"grant_type": "password"}, timeout=10)
    assert answer.status_code == 404
