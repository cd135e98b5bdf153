"""Storage keeps what it is given, per repository, and forgets what it is told to."""

from __future__ import annotations

import gc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mirror.demo import images
from mirror.demo.distribution import OciRegistry
from mirror.demo.repository import Repository
from mirror.demo.storage import Storage
from mirror.oci.digest import Digest

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    days = iter(range(1000))
    return Storage(tmp_path, clock=lambda: START + timedelta(days=next(days)))


@pytest.fixture
def repository(storage: Storage) -> Repository:
    return storage.repository("acme/api")


def test_a_blob_of_one_repository_is_not_in_another(storage: Storage, repository: Repository) -> None:
    digest = repository.add(b"blob")
    other = storage.repository("acme/web")
    assert (repository.has(digest), other.has(digest)) == (True, False)
    assert other.link(digest)
    assert other.has(digest)
    assert repository.unlink(digest)
    assert not repository.unlink(digest)
    assert other.has(digest)
    assert not other.link(Digest.of(b"nowhere"))


def test_a_sha512_blob_is_kept_under_its_name(storage: Storage, repository: Repository) -> None:
    digest = Digest.of(b"blob", "sha512")
    assert repository.add(iter([b"bl", b"ob"]), digest) == digest
    assert storage.path(digest).read_bytes() == b"blob"
    upload = storage.begin("acme/api")
    upload.write([b"blob"])
    assert storage.commit(upload, digest)


def test_an_upload_with_another_digest_leaves_nothing(storage: Storage, repository: Repository) -> None:
    upload = storage.begin("acme/api")
    upload.write([b"one", b"two"])
    assert storage.open_uploads == 1
    assert not storage.commit(upload, Digest.of(b"three"))
    assert (storage.open_uploads, repository.blobs) == (0, frozenset())
    assert list((storage.directory / "uploads").iterdir()) == []


def test_a_tag_knows_when_it_first_appeared_and_when_it_moved(repository: Repository) -> None:
    one, two = images.image("one"), images.image("two")
    first = repository.put(one.raw, one.media_type, "1").pushed
    created = repository.tags["1"].created
    assert created > first
    repository.put(one.raw, one.media_type, "1")
    assert repository.tags["1"].published == created
    repository.put(two.raw, two.media_type, "1")
    assert repository.tags["1"].created == created
    assert repository.tags["1"].published > created
    repository.date("1", START)
    assert repository.tags["1"].published == START


def test_removing_a_manifest_removes_its_tags(repository: Repository) -> None:
    one = images.image("one").store(repository, "1", "latest")
    images.image("two").store(repository, "2")
    assert repository.tagged(one.digest) == ["1", "latest"]
    assert repository.remove(one.digest)
    assert list(repository.tags) == ["2"]
    assert not repository.remove(one.digest)
    assert repository.find("1") is None


def test_parents_referrers_and_what_is_missing(repository: Repository) -> None:
    child = images.image("child")
    index = images.signed(images.index([child])).store(repository, "1")
    assert repository.parents(child.digest) == [index.digest]
    assert [one.digest for one in repository.referrers(index.digest)] == [index.referrers[0].digest]
    layer = child.blobs[1].digest
    repository.unlink(layer)
    assert repository.missing(child.manifest) == [layer]
    repository.remove(child.digest)
    assert repository.missing(index.manifest) == [child.digest]


def test_any_bytes_can_be_put_as_a_manifest(repository: Repository) -> None:
    stored = repository.put(b"not json", images.OCI_MANIFEST, "broken")
    assert stored.manifest is None
    assert repository.find("broken") == stored


def test_a_storage_of_its_own_goes_with_it() -> None:
    storage = Storage()
    directory = storage.directory
    storage.repository("a").add(b"blob")
    del storage
    gc.collect()
    assert not directory.exists()


def test_closing_a_registry_removes_what_it_made_and_keeps_what_it_was_given(tmp_path: Path) -> None:
    with OciRegistry() as own, OciRegistry(tmp_path) as given:
        digests = [one.storage.repository("a").add(b"blob") for one in (own, given)]
    assert not own.storage.directory.exists()
    assert given.storage.path(digests[1]).read_bytes() == b"blob"


def test_a_dropped_repository_is_gone(storage: Storage, repository: Repository) -> None:
    assert storage.repositories == ["acme/api"]
    storage.drop("acme/api")
    assert storage.find("acme/api") is None
