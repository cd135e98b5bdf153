"""What may be deleted from the target: little, late, and only what is ours."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from mirror.errors import NotFound
from mirror.oci.descriptor import OCI_MANIFEST, Descriptor
from mirror.oci.digest import Digest
from mirror.sync.prune import Orphan, prune, ripe

DAY = 86400.0
OURS = Digest("sha256:" + "a" * 64)
THEIRS = Digest("sha256:" + "b" * 64)
ORPHAN = Orphan("acme/api", "1.0", OURS, absent_since=10 * DAY)


@dataclass
class Holder:
    tags: dict[str, Digest]
    deleted: list[str] = field(default_factory=list)

    def resolve(self, reference: str) -> Descriptor:
        if reference not in self.tags:
            raise NotFound("no such tag", status=404)
        return Descriptor(OCI_MANIFEST, self.tags[reference], 1)

    def delete(self, reference: str) -> None:
        self.deleted.append(reference)


@pytest.mark.parametrize(("now", "count"), [(16.9, 0), (17.0, 1), (400, 1)])
def test_a_tag_is_ripe_when_it_was_absent_long_enough(now: float, count: int) -> None:
    assert len(ripe([ORPHAN], 7 * DAY, now * DAY)) == count


def test_without_prune_nothing_is_ever_ripe() -> None:
    assert ripe([ORPHAN], None, 1e12) == []


def test_what_we_did_not_put_there_is_never_ripe() -> None:
    assert ripe([replace(ORPHAN, ours=None)], 0, 1e12) == []


def test_a_clock_that_jumped_back_makes_nothing_ripe() -> None:
    assert ripe([ORPHAN], 0, 9 * DAY) == []


def test_a_tag_that_still_names_our_digest_is_deleted() -> None:
    holder = Holder({"1.0": OURS})
    assert prune(holder, ORPHAN)
    assert holder.deleted == ["1.0"]


def test_a_tag_that_somebody_moved_stays() -> None:
    holder = Holder({"1.0": THEIRS})
    assert not prune(holder, ORPHAN)
    assert holder.deleted == []


def test_a_tag_that_is_gone_already_is_done() -> None:
    holder = Holder({})
    assert prune(holder, ORPHAN)
    assert holder.deleted == []
