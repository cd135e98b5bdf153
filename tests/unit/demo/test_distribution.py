"""A plain embedded registry keeps to the distribution specification."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from mirror.demo import images
from mirror.demo.distribution import OciRegistry
from mirror.demo.repository import Repository
from mirror.oci.digest import Digest

BLOB = b"0123456789"
DIGEST = Digest.of(BLOB)


@pytest.fixture
def registry() -> Iterator[OciRegistry]:
    with OciRegistry() as registry:
        yield registry


@pytest.fixture
def repository(registry: OciRegistry) -> Repository:
    return registry.storage.repository("acme/api")


@pytest.fixture
def base(registry: OciRegistry, repository: Repository) -> str:
    return f"{registry.url}/v2/acme/api"


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def codes(answer: requests.Response) -> tuple[int, str]:
    """Status and first error code."""
    return answer.status_code, answer.json()["errors"][0]["code"]


def begin(http: requests.Session, base: str, query: str = "") -> str:
    """Open an upload session; its URL."""
    answer = http.post(f"{base}/blobs/uploads/{query}")
    assert answer.status_code == 202
    return urljoin(base, answer.headers["Location"])


def test_the_registry_greets(http: requests.Session, registry: OciRegistry) -> None:
    answer = http.get(f"{registry.url}/v2/")
    assert (answer.status_code, answer.headers["Docker-Distribution-Api-Version"]) == (200, "registry/2.0")


class TestBlobs:
    @pytest.fixture(autouse=True)
    def blob(self, repository: Repository) -> None:
        repository.add(BLOB)

    def test_a_blob_is_sent_with_its_digest(self, http: requests.Session, base: str) -> None:
        answer = http.get(f"{base}/blobs/{DIGEST}")
        assert (answer.content, answer.headers["Docker-Content-Digest"]) == (BLOB, DIGEST)
        assert http.head(f"{base}/blobs/{DIGEST}").headers["Content-Length"] == "10"

    @pytest.mark.parametrize(
        ("asked", "got", "told"),
        [
            ("bytes=4-", b"456789", "bytes 4-9/10"),
            ("bytes=4-5", b"45", "bytes 4-5/10"),
            ("bytes=8-99", b"89", "bytes 8-9/10"),
            ("bytes=-3", b"789", "bytes 7-9/10"),
        ],
    )
    def test_a_range_is_a_part(
        self, http: requests.Session, base: str, asked: str, got: bytes, told: str
    ) -> None:
        answer = http.get(f"{base}/blobs/{DIGEST}", headers={"Range": asked})
        assert (answer.status_code, answer.content, answer.headers["Content-Range"]) == (206, got, told)

    def test_a_range_behind_the_end_is_refused(self, http: requests.Session, base: str) -> None:
        answer = http.get(f"{base}/blobs/{DIGEST}", headers={"Range": "bytes=10-"})
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */10")

    def test_a_blob_that_is_not_here_is_unknown(self, http: requests.Session, base: str) -> None:
        assert codes(http.get(f"{base}/blobs/{Digest.of(b'other')}")) == (404, "BLOB_UNKNOWN")
        assert codes(http.get(f"{base}/blobs/sha256:abc")) == (400, "DIGEST_INVALID")

    def test_a_blob_is_deleted(self, http: requests.Session, base: str) -> None:
        assert http.delete(f"{base}/blobs/{DIGEST}").status_code == 202
        assert http.delete(f"{base}/blobs/{DIGEST}").status_code == 404


class TestUploads:
    def put(
        self, http: requests.Session, url: str, data: bytes = b"", digest: str = DIGEST
    ) -> requests.Response:
        return http.put(url, params={"digest": digest}, data=data)

    def test_a_blob_comes_whole(self, http: requests.Session, base: str, repository: Repository) -> None:
        answer = self.put(http, begin(http, base), BLOB)
        assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, DIGEST)
        assert repository.has(DIGEST)
        assert http.get(urljoin(base, answer.headers["Location"])).content == BLOB

    def test_a_blob_comes_with_the_first_request(
        self, http: requests.Session, base: str, repository: Repository
    ) -> None:
        assert http.post(f"{base}/blobs/uploads/", params={"digest": DIGEST}, data=BLOB).status_code == 201
        assert repository.has(DIGEST)

    def test_a_blob_comes_in_chunks(self, http: requests.Session, base: str, repository: Repository) -> None:
        url = begin(http, base)
        for start in (0, 4, 8):
            part = BLOB[start : start + 4]
            headers = {"Content-Range": f"{start}-{start + len(part) - 1}"}
            answer = http.patch(url, data=part, headers=headers)
            assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{start + len(part) - 1}")
            url = urljoin(base, answer.headers["Location"])
        assert self.put(http, url).status_code == 201
        assert repository.has(DIGEST)

    def test_a_chunk_out_of_order_is_refused_with_the_place_to_go_on(
        self, http: requests.Session, base: str
    ) -> None:
        url = urljoin(base, http.patch(begin(http, base), data=BLOB[:4]).headers["Location"])
        again = http.patch(url, data=BLOB[:4], headers={"Content-Range": "0-3"})
        assert (again.status_code, again.headers["Range"]) == (416, "0-3")
        url = urljoin(base, again.headers["Location"])
        answer = http.patch(url, data=BLOB[5:], headers={"Content-Range": "5-9"})
        assert (answer.status_code, answer.headers["Range"]) == (416, "0-3")
        status = http.get(urljoin(base, answer.headers["Location"]))
        assert (status.status_code, status.headers["Range"]) == (204, "0-3")

    def test_an_old_location_is_unknown(self, http: requests.Session, base: str) -> None:
        url = begin(http, base)
        http.patch(url, data=BLOB)
        assert codes(self.put(http, url)) == (404, "BLOB_UPLOAD_UNKNOWN")
        assert codes(self.put(http, url.partition("?")[0])) == (404, "BLOB_UPLOAD_UNKNOWN")

    def test_another_digest_ends_the_session(
        self, http: requests.Session, base: str, registry: OciRegistry
    ) -> None:
        url = begin(http, base)
        assert codes(self.put(http, url, b"other")) == (400, "DIGEST_INVALID")
        assert codes(self.put(http, url, BLOB)) == (404, "BLOB_UPLOAD_UNKNOWN")
        assert registry.storage.open_uploads == 0

    def test_a_broken_digest_is_refused(self, http: requests.Session, base: str) -> None:
        assert codes(self.put(http, begin(http, base), BLOB, "md5:0")) == (400, "DIGEST_INVALID")

    def test_a_session_is_cancelled(self, http: requests.Session, base: str, registry: OciRegistry) -> None:
        assert http.delete(begin(http, base)).status_code == 204
        assert registry.storage.open_uploads == 0

    @pytest.mark.parametrize("absolute", [True, False])
    def test_a_location_may_be_long_and_absolute(
        self, http: requests.Session, base: str, registry: OciRegistry, absolute: bool
    ) -> None:
        registry.rules = replace(registry.rules, absolute=absolute, padding=6000)
        location = http.post(f"{base}/blobs/uploads/").headers["Location"]
        assert location.startswith(registry.url if absolute else "/v2/")
        assert len(location) > 6000
        assert self.put(http, urljoin(base, location), BLOB).status_code == 201

    def test_a_mount_needs_no_bytes(self, http: requests.Session, base: str, registry: OciRegistry) -> None:
        registry.storage.repository("acme/web").add(BLOB)
        answer = http.post(f"{base}/blobs/uploads/", params={"mount": DIGEST, "from": "acme/web"})
        assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, DIGEST)
        assert http.get(f"{base}/blobs/{DIGEST}").content == BLOB

    def test_a_mount_that_cannot_be_is_an_upload(
        self, http: requests.Session, base: str, registry: OciRegistry
    ) -> None:
        query = {"mount": DIGEST, "from": "acme/web"}
        assert http.post(f"{base}/blobs/uploads/", params=query).status_code == 202
        registry.storage.repository("acme/web").add(BLOB)
        registry.rules = replace(registry.rules, mounts=False)
        assert http.post(f"{base}/blobs/uploads/", params=query).status_code == 202


class TestManifests:
    image = images.image("seed")

    def put(self, http: requests.Session, base: str, reference: str, **other: Any) -> requests.Response:
        headers = {"Content-Type": other.get("media_type", self.image.media_type)}
        return http.put(
            f"{base}/manifests/{reference}", data=other.get("raw", self.image.raw), headers=headers
        )

    def with_blobs(self, repository: Repository) -> None:
        for blob in self.image.blobs:
            repository.add(blob.chunks())

    def test_a_manifest_keeps_its_bytes(
        self, http: requests.Session, base: str, repository: Repository
    ) -> None:
        self.with_blobs(repository)
        odd = images.odd(self.image)
        for reference in ("1.0", odd.digest):
            answer = self.put(http, base, reference, raw=odd.raw)
            assert (answer.status_code, answer.headers["Docker-Content-Digest"]) == (201, odd.digest)
        answer = http.get(f"{base}/manifests/1.0")
        assert (answer.content, answer.headers["Content-Type"]) == (odd.raw, odd.media_type)
        assert http.head(f"{base}/manifests/1.0").headers["Docker-Content-Digest"] == odd.digest
        known = {"If-None-Match": answer.headers["ETag"]}
        assert http.get(f"{base}/manifests/1.0", headers=known).status_code == 304

    def test_what_a_manifest_lists_must_be_here(
        self, http: requests.Session, base: str, repository: Repository
    ) -> None:
        assert codes(self.put(http, base, "1.0")) == (400, "MANIFEST_BLOB_UNKNOWN")
        index = images.index([self.image])
        answer = self.put(http, base, "1.0", raw=index.raw, media_type=index.media_type)
        assert codes(answer) == (400, "MANIFEST_BLOB_UNKNOWN")
        assert answer.json()["errors"][0]["detail"] == [{"digest": self.image.digest}]
        assert repository.tags == {}

    def test_a_subject_need_not_be_here(
        self, http: requests.Session, base: str, repository: Repository
    ) -> None:
        artifact = images.artifact(self.image)
        for blob in artifact.blobs:
            repository.add(blob.chunks())
        answer = self.put(http, base, artifact.digest, raw=artifact.raw)
        assert (answer.status_code, answer.headers["OCI-Subject"]) == (201, self.image.digest)

    @pytest.mark.parametrize(
        ("reference", "changes", "code"),
        [
            ("sha256:" + "0" * 64, {}, "DIGEST_INVALID"),
            ("1.0", {"raw": b"{"}, "MANIFEST_INVALID"),
            ("1.0", {"media_type": images.OCI_INDEX}, "MANIFEST_INVALID"),
            (".hidden", {}, "TAG_INVALID"),
        ],
    )
    def test_bad_manifests_are_refused(
        self,
        http: requests.Session,
        base: str,
        repository: Repository,
        reference: str,
        changes: dict[str, Any],
        code: str,
    ) -> None:
        self.with_blobs(repository)
        assert codes(self.put(http, base, reference, **changes)) == (400, code)

    def test_a_manifest_of_more_than_4_mib_is_refused(self, http: requests.Session, base: str) -> None:
        answer = self.put(http, base, "1.0", raw=b" " * (4 * 1024 * 1024 + 1))
        assert codes(answer) == (413, "SIZE_INVALID")

    def test_an_immutable_tag_stays(
        self, http: requests.Session, base: str, repository: Repository, registry: OciRegistry
    ) -> None:
        self.with_blobs(repository)
        registry.rules = replace(registry.rules, immutable_tags=True)
        assert self.put(http, base, "1.0").status_code == 201
        assert self.put(http, base, "1.0").status_code == 201
        assert codes(self.put(http, base, "1.0", raw=images.odd(self.image).raw)) == (400, "DENIED")

    def test_a_tag_is_deleted_and_the_manifest_stays(
        self, http: requests.Session, base: str, repository: Repository
    ) -> None:
        self.image.store(repository, "1.0")
        assert http.delete(f"{base}/manifests/1.0").status_code == 202
        assert codes(http.get(f"{base}/manifests/1.0")) == (404, "MANIFEST_UNKNOWN")
        assert http.delete(f"{base}/manifests/{self.image.digest}").status_code == 202
        assert codes(http.delete(f"{base}/manifests/{self.image.digest}")) == (404, "MANIFEST_UNKNOWN")


class TestListings:
    def test_tags_come_in_pages(self, http: requests.Session, base: str, repository: Repository) -> None:
        images.image("seed").store(repository, "c", "a", "b")
        assert http.get(f"{base}/tags/list").json() == {"name": "acme/api", "tags": ["a", "b", "c"]}
        first = http.get(f"{base}/tags/list?n=2")
        assert first.json()["tags"] == ["a", "b"]
        second = http.get(urljoin(base, first.links["next"]["url"]))
        assert (second.json()["tags"], second.links) == (["c"], {})
        rest = http.get(f"{base}/tags/list?n=2&last=a")
        assert (rest.json()["tags"], rest.links) == (["b", "c"], {})

    def test_an_empty_list_is_empty_or_null(
        self, http: requests.Session, base: str, registry: OciRegistry
    ) -> None:
        assert http.get(f"{base}/tags/list").json()["tags"] == []
        registry.rules = replace(registry.rules, null_tags=True)
        assert http.get(f"{base}/tags/list").json()["tags"] is None

    def test_a_list_may_end_without_saying_so(
        self, http: requests.Session, base: str, repository: Repository, registry: OciRegistry
    ) -> None:
        images.image("seed").store(repository, "a", "b", "c")
        registry.rules = replace(registry.rules, page=2, pages=False)
        answer = http.get(f"{base}/tags/list")
        assert (answer.json()["tags"], answer.links) == (["a", "b"], {})

    def test_the_catalog_lists_repositories(self, http: requests.Session, registry: OciRegistry) -> None:
        for name in ("b", "a/x", "c"):
            registry.storage.repository(name)
        first = http.get(f"{registry.url}/v2/_catalog?n=2")
        assert first.json() == {"repositories": ["a/x", "b"]}
        assert http.get(urljoin(first.url, first.links["next"]["url"])).json() == {"repositories": ["c"]}
        registry.rules = replace(registry.rules, catalog=False)
        assert http.get(f"{registry.url}/v2/_catalog").status_code == 404

    def test_referrers_are_listed_by_type(
        self, http: requests.Session, base: str, repository: Repository
    ) -> None:
        image = images.image("seed")
        one, two = images.artifact(image), images.artifact(image, artifact_type="application/spdx")
        replace(image, referrers=(one, two)).store(repository, "1")
        answer = http.get(f"{base}/referrers/{image.digest}")
        assert answer.headers["Content-Type"] == images.OCI_INDEX
        assert {item["digest"] for item in answer.json()["manifests"]} == {one.digest, two.digest}
        filtered = http.get(f"{base}/referrers/{image.digest}?artifactType=application/spdx")
        assert [item["digest"] for item in filtered.json()["manifests"]] == [two.digest]
        assert filtered.headers["OCI-Filters-Applied"] == "artifactType"

    def test_a_digest_without_referrers_has_an_empty_list(
        self, http: requests.Session, base: str, registry: OciRegistry
    ) -> None:
        assert http.get(f"{base}/referrers/{DIGEST}").json()["manifests"] == []
        assert http.get(f"{registry.url}/v2/none/referrers/{DIGEST}").json()["manifests"] == []
        registry.rules = replace(registry.rules, referrers=False)
        assert http.get(f"{base}/referrers/{DIGEST}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v2/unknown/tags/list", (404, "NAME_UNKNOWN")),
        ("GET", "/v2/unknown/manifests/1", (404, "NAME_UNKNOWN")),
        ("GET", "/v2/Upper/tags/list", (400, "NAME_INVALID")),
        ("GET", "/v2/acme/api/other", (404, "UNSUPPORTED")),
        ("POST", "/v2/acme/api/tags/list", (405, "UNSUPPORTED")),
        ("POST", "/v2/acme/api/manifests/1", (405, "UNSUPPORTED")),
        ("PATCH", "/v2/acme/api/blobs/uploads/none", (404, "BLOB_UPLOAD_UNKNOWN")),
    ],
)
def test_what_is_not_there_says_so(
    http: requests.Session, base: str, registry: OciRegistry, method: str, path: str, expected: object
) -> None:
    assert codes(http.request(method, registry.url + path)) == expected
