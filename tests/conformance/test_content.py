"""Everything that keeps images keeps the same promises: memory, embedded registries, a real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mirror.bootstrap.connection import connect
from mirror.demo import images
from mirror.demo.google import GoogleRegistry
from mirror.errors import DigestMismatch, MirrorError, NotFound, SizeMismatch
from mirror.events import ignore
from mirror.oci.auth import Fixed, Login
from mirror.oci.content import Source, Target
from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest
from mirror.oci.memory import MemoryRegistry
from mirror.oci.repository import Lister, Repository
from mirror.registries.generic import Generic
from mirror.registries.google import Google
from mirror.transport.clock import Clock
from tests.servers.contents import content, descriptor, opener, put
from tests.servers.registry import Registries


class Both(Source, Target):
    """A repository that is read and written."""


Open = Callable[[str], Both]


@pytest.fixture(params=["memory", "google", "docker-registry"])
def repositories(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens a repository of one empty registry by its name."""
    if request.param == "memory":
        yield MemoryRegistry().repository  # type: ignore[misc]  # structural, not nominal
    elif request.param == "google":
        with GoogleRegistry(tmp_path) as google:
            login = Login("_json_key", json.dumps(google.key))
            yield _at(google.host, login, Google.lister, f"{google.project}/")
    else:
        start: Registries = request.getfixturevalue("registries")
        yield _at(start().host, None, Generic.lister, "")


def _at(host: str, login: Login | None, lister: Lister, prefix: str) -> Open:
    registry = connect(host, Fixed(login), observe=ignore, clock=Clock(), insecure=True)
    return lambda path: Repository(registry, prefix + path, push=True, lister=lister, observe=ignore)  # type: ignore[return-value]  # structural


def read(place: Both, blob: Descriptor, offset: int = 0) -> bytes:
    """What the place answers from `offset` on."""
    buffer = memoryview(bytearray(blob.size + 1))
    with place.open(blob, offset) as reader:
        filled = 0
        while count := reader.readinto(buffer[filled:]):
            filled += count
    return bytes(buffer[:filled])


def test_a_repository_without_anything_is_an_empty_listing(repositories: Open) -> None:
    assert dict(repositories("acme/none").tags().tags) == {}


def test_a_tag_names_the_manifest_that_was_put_under_it(repositories: Open) -> None:
    place = repositories("acme/app")
    image = put(place, images.image("one"), "1.0", "latest")
    assert set(place.tags().tags) == {"1.0", "latest"}
    assert place.resolve("1.0").digest == place.resolve("latest").digest == image.digest
    assert place.resolve("1.0").size == len(image.raw)


def test_a_listing_that_tells_digests_tells_the_right_ones(repositories: Open) -> None:
    place = repositories("acme/app")
    image = put(place, images.image("one"), "1.0")
    listing = place.tags()
    assert listing.tags["1.0"].digest in (None, image.digest)
    assert listing.manifests is None or image.digest in listing.manifests


def test_manifests_keep_every_byte(repositories: Open) -> None:
    place = repositories("acme/app")
    odd = put(place, images.odd(images.image("odd")), "odd")
    assert place.manifest("odd").raw == odd.raw
    assert place.manifest(odd.digest).media_type == odd.media_type


def test_an_index_lists_what_was_put_before_it(repositories: Open) -> None:
    place = repositories("acme/app")
    index = put(place, images.multi_platform("many"), "1.0")
    children = place.manifest("1.0").manifests
    assert [child.digest for child in children] == [child.digest for child in index.children]
    assert all(place.exists(child) for child in children)


def test_a_blob_is_sent_once_and_found_afterwards(repositories: Open) -> None:
    place, blob = repositories("acme/app"), images.layer("one")
    assert not place.exists(descriptor(blob))
    assert place.push(descriptor(blob), opener(content(blob))) == "copied"
    assert place.push(descriptor(blob), _never) == "present"
    assert place.exists(descriptor(blob))


def test_a_blob_of_a_sibling_is_mounted(repositories: Open) -> None:
    one, other, blob = repositories("acme/one"), repositories("acme/other"), images.layer("shared")
    one.push(descriptor(blob), opener(content(blob)))
    assert other.push(descriptor(blob), _never, [one.path]) == "mounted"
    assert read(other, descriptor(blob)) == content(blob)


def test_a_blob_that_no_sibling_has_after_all_is_sent(repositories: Open) -> None:
    place, blob = repositories("acme/app"), images.layer("one")
    assert place.push(descriptor(blob), opener(content(blob)), ["acme/empty"]) == "copied"


def test_a_blob_is_read_from_any_offset(repositories: Open) -> None:
    place, blob = repositories("acme/app"), images.layer("one")
    place.push(descriptor(blob), opener(content(blob)))
    assert read(place, descriptor(blob)) == content(blob)
    assert read(place, descriptor(blob), 700) == content(blob)[700:]


def test_wrong_bytes_are_refused_and_not_kept(repositories: Open) -> None:
    place, blob = repositories("acme/app"), images.layer("one")
    wrong = bytes(len(content(blob)))
    with pytest.raises(DigestMismatch):
        place.push(descriptor(blob), opener(wrong))
    assert not place.exists(descriptor(blob))


def test_too_many_bytes_are_refused(repositories: Open) -> None:
    place, blob = repositories("acme/app"), images.layer("one")
    with pytest.raises((SizeMismatch, DigestMismatch)):
        place.push(descriptor(blob), opener(content(blob) + b"more"))
    assert not place.exists(descriptor(blob))


def test_an_empty_blob_is_a_blob(repositories: Open) -> None:
    place = repositories("acme/app")
    empty = Descriptor("application/octet-stream", Digest.of(b""), 0)
    assert place.push(empty, opener(b"")) == "copied"
    assert place.exists(empty)


def test_a_manifest_before_its_blobs_is_refused_by_the_right_name(repositories: Open) -> None:
    with pytest.raises(MirrorError) as refused:
        repositories("acme/app").put(images.image("one").manifest, "1.0")
    assert "MANIFEST_BLOB_UNKNOWN" in getattr(refused.value, "codes", ())


def test_what_is_not_there_is_not_found(repositories: Open) -> None:
    place = repositories("acme/app")
    put(place, images.image("one"), "1.0")
    missing = descriptor(images.layer("never"))
    for question in (
        lambda: place.resolve("2.0"),
        lambda: place.manifest("2.0"),
        lambda: read(place, missing),
    ):
        with pytest.raises(NotFound):
            question()


def test_referrers_are_listed_where_the_registry_lists_them(repositories: Open) -> None:
    place = repositories("acme/app")
    image = images.image("one")
    signature = images.artifact(image)
    put(place, image, "1.0")
    put(place, signature)
    listed = [one.digest for one in place.referrers(image.digest)]
    assert listed == ([signature.digest] if place.keeps_referrers(image.digest) else [])


def _never(offset: int) -> object:
    raise AssertionError(f"the source was opened at {offset}, though nothing needs to be sent")
