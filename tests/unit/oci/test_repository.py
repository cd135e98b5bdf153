"""One repository over HTTP: what it asks for, and what it believes of the answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mirror.bootstrap.connection import connect
from mirror.demo import faults, images
from mirror.demo.distribution import OciRegistry
from mirror.errors import DigestMismatch, NotFound
from mirror.events import ignore
from mirror.oci import listing
from mirror.oci.auth import Fixed
from mirror.oci.content import Listing
from mirror.oci.repository import ACCEPT, Repository, only
from mirror.transport.retry import Policy
from tests.servers.contents import content, descriptor, opener
from tests.servers.waiting import Skipping

PATH = "acme/app"
IMAGE = images.image("one", 1)


@pytest.fixture
def server() -> Iterator[OciRegistry]:
    with OciRegistry() as registry:
        IMAGE.store(registry.storage.repository(PATH), "1.0")
        yield registry


@pytest.fixture
def place(server: OciRegistry) -> Repository:
    return at(server)


def at(server: OciRegistry, path: str = PATH) -> Repository:
    policy = Policy(first=0.0, longest=0.0)
    registry = connect(server.host, Fixed(), observe=ignore, clock=Skipping(), insecure=True, policy=policy)
    return Repository(registry, path, push=True, lister=listing.tags, observe=ignore)


def test_all_four_kinds_of_manifest_are_accepted_always(server: OciRegistry, place: Repository) -> None:
    for ask in (
        lambda: place.resolve("1.0"),
        lambda: place.manifest("1.0"),
        lambda: place.exists(IMAGE.manifest.descriptor),
    ):
        ask()
    accepted = [seen.headers["accept"] for seen in server.requests if "/manifests/" in seen.path]
    assert accepted == [ACCEPT["Accept"]] * 3
    assert ACCEPT["Accept"].count(",") == 3


def test_head_is_enough_where_it_tells_all(server: OciRegistry, place: Repository) -> None:
    found = place.resolve("1.0")
    assert (found.digest, found.size, found.media_type) == (IMAGE.digest, len(IMAGE.raw), IMAGE.media_type)
    assert server.count("GET", "/manifests/") == 0


@pytest.mark.parametrize("lacking", ["Docker_Content_Digest", "Content_Type"])
def test_what_head_does_not_tell_is_read(server: OciRegistry, place: Repository, lacking: str) -> None:
    server.faults.add(faults.headers(**{lacking: ""}), "HEAD", "/manifests/")
    assert place.resolve("1.0").digest == IMAGE.digest
    assert server.count("GET", "/manifests/") == 1


@pytest.mark.parametrize("status", [400, 403, 405, 501])
def test_a_registry_without_head_is_asked_by_get(server: OciRegistry, place: Repository, status: int) -> None:
    server.faults.add(faults.refuse(status), "HEAD", "/manifests/", times=None)
    assert place.resolve("1.0").digest == IMAGE.digest


def test_a_missing_tag_is_asked_for_once(server: OciRegistry, place: Repository) -> None:
    with pytest.raises(NotFound):
        place.resolve("2.0")
    assert server.count(path="/manifests/2.0") == 1


def test_a_manifest_that_was_asked_for_by_digest_must_have_it(server: OciRegistry, place: Repository) -> None:
    server.faults.add(faults.wrong_bytes(), "GET", "/manifests/")
    with pytest.raises(DigestMismatch, match=f"hash to sha256:.*, not {IMAGE.digest}"):
        place.manifest(IMAGE.digest)


def test_the_header_is_not_believed_of_what_was_asked_for_by_digest(
    server: OciRegistry, place: Repository
) -> None:
    server.faults.add(faults.wrong_digest(), "GET", "/manifests/")
    assert place.manifest(IMAGE.digest).digest == IMAGE.digest


def test_deleting_what_is_gone_is_no_error(server: OciRegistry, place: Repository) -> None:
    for _ in range(2):
        place.delete("1.0")
    assert dict(place.tags().tags) == {}


def test_an_empty_repository_is_asked_for_no_blob_one_by_one(server: OciRegistry) -> None:
    """The question and the opening of the upload are one request there."""
    place, blob = at(server, "acme/fresh"), images.layer("new")
    place.tags()
    server.forget()
    assert place.push(descriptor(blob), opener(content(blob))) == "copied"
    assert [seen.method for seen in server.requests] == ["POST", "PUT"]


def test_a_blob_that_was_in_an_empty_repository_after_all_is_found(server: OciRegistry) -> None:
    place, blob = at(server, "acme/fresh"), images.layer("new")
    place.tags()
    server.storage.repository("acme/fresh").add(content(blob), descriptor(blob).digest)
    assert place.push(descriptor(blob), opener(content(blob))) == "present"


def test_a_blob_is_looked_for_where_there_are_others(server: OciRegistry, place: Repository) -> None:
    place.tags()
    server.forget()
    blob = IMAGE.blobs[0]
    assert place.push(descriptor(blob), opener(b"")) == "present"
    assert [seen.method for seen in server.requests] == ["HEAD"]


class TestOnly:
    """The lister of `gcr-mirror copy`."""

    def listed(self, server: OciRegistry, name: str, reference: str, *endings: str) -> Listing:
        place = at(server)
        return only(name, reference, endings)(place.registry, PATH, ())

    def test_it_sees_one_image_by_the_name_that_it_is_to_have(self, server: OciRegistry) -> None:
        found = self.listed(server, "released", "1.0")
        assert {name: tag.digest for name, tag in found.tags.items()} == {"released": IMAGE.digest}

    def test_it_sees_those_companions_that_there_are(self, server: OciRegistry) -> None:
        tag, signature = images.cosign_signature(IMAGE)
        signature.store(server.storage.repository(PATH), tag)
        found = self.listed(server, "1.0", "1.0", "", ".sig", ".att")
        assert set(found.tags) == {"1.0", tag}

    @pytest.mark.parametrize("reference", ["2.0", "sha256:" + "0" * 64])
    def test_what_is_not_there_is_told(self, server: OciRegistry, reference: str) -> None:
        with pytest.raises(NotFound):
            self.listed(server, "1.0", reference)


def test_a_lister_is_asked_with_the_rights_of_the_repository(server: OciRegistry) -> None:
    asked = []

    def lister(registry: object, path: str, scopes: tuple[str, ...]) -> Listing:
        asked.append((path, scopes))
        return Listing({})

    for push in (False, True):
        place = Repository(at(server).registry, PATH, push=push, lister=lister, observe=ignore)
        place.tags()
    assert asked == [(PATH, (f"repository:{PATH}:pull",)), (PATH, (f"repository:{PATH}:pull,push",))]
