"""What is read to learn a digest is not read again to be copied; and it does not fill the memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest

from mirror.demo import images
from mirror.errors import InvalidManifest, NotFound
from mirror.oci.descriptor import Descriptor
from mirror.oci.manifest import Manifest
from mirror.oci.memory import MemoryRegistry, MemoryRepository
from mirror.sync.shelf import Shelf
from tests.servers.contents import put


@dataclass(frozen=True)
class Counted(MemoryRepository):
    """A repository that counts what it is asked."""

    asked: Counter[str] = field(default_factory=Counter)

    def resolve(self, reference: str) -> Descriptor:
        self.asked["resolve"] += 1
        return super().manifest(reference).descriptor

    def manifest(self, reference: str) -> Manifest:
        self.asked["manifest"] += 1
        return super().manifest(reference)


@pytest.fixture
def source() -> Counted:
    place = Counted(MemoryRegistry("source"), "acme/api")
    for tag in ("1", "2", "3"):
        put(place, images.image(tag), tag)
    place.asked.clear()
    return place


def test_the_manifest_is_there_when_its_copy_begins(source: Counted) -> None:
    shelf = Shelf()
    digest = shelf.digest(source, "1")
    kept = shelf.take(source, digest)
    assert kept
    assert kept.raw == source.manifest("1").raw
    assert source.asked == {"manifest": 2}


def test_it_is_given_out_once_and_its_room_is_free_again(source: Counted) -> None:
    shelf = Shelf()
    before = shelf.room
    digest = shelf.digest(source, "1")
    assert shelf.room < before
    assert shelf.take(source, digest)
    assert shelf.take(source, digest) is None
    assert shelf.room == before


def test_a_full_shelf_asks_for_the_digest_only(source: Counted) -> None:
    shelf = Shelf(room=1)
    first, second = shelf.digest(source, "1"), shelf.digest(source, "2")
    assert source.asked == {"manifest": 1, "resolve": 1}
    assert shelf.take(source, first)
    assert shelf.take(source, second) is None


def test_two_tags_of_one_image_take_one_place(source: Counted) -> None:
    put(source, images.image("1"), "again")
    shelf = Shelf()
    shelf.digest(source, "1")
    room = shelf.room
    shelf.digest(source, "again")
    assert shelf.room == room


def test_the_parsed_document_is_not_kept(source: Counted) -> None:
    shelf = Shelf()
    kept = shelf.take(source, shelf.digest(source, "1"))
    assert kept
    assert "document" not in vars(kept)


def test_a_manifest_that_is_invalid_still_has_a_digest(
    source: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = source.resolve("1").digest

    def refuse(self: Counted, reference: str) -> Manifest:
        raise InvalidManifest(f"{reference} is refused")

    monkeypatch.setattr(Counted, "manifest", refuse)
    assert Shelf().digest(source, "1") == digest


def test_a_tag_that_is_gone_is_not_found(source: Counted) -> None:
    with pytest.raises(NotFound):
        Shelf().digest(source, "gone")
