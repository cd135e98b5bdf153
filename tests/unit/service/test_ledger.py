"""The ledger keeps what it knows while the state fails, and writes it when the state is back."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from mirror.errors import StateError
from mirror.events import Copied, Failed, Kept, Requested, Unchanged
from mirror.oci.content import Listing
from mirror.oci.digest import Digest
from mirror.oci.memory import MemoryRegistry, MemoryRepository
from mirror.oci.tag import Tag
from mirror.service.ledger import Ledger
from mirror.state.memory import Memory
from mirror.state.records import Key, PassRecord, TagRecord
from mirror.sync.survey import Survey

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
DAY = 86400.0


class Fragile(Memory):
    """A memory whose disk may be full."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.writes = 0

    def save(self, records: Iterable[TagRecord]) -> None:
        self._check()
        super().save(records)

    def log_pass(self, record: PassRecord) -> None:
        self._check()
        super().log_pass(record)

    def _check(self) -> None:
        self.writes += 1
        if self.full:
            raise StateError("the state cannot be written: the disk is full")


class Times:
    now = 1000.0


@pytest.fixture
def state() -> Fragile:
    return Fragile()


@pytest.fixture
def ledger(state: Fragile) -> Ledger:
    made = Ledger(state, lambda: Times.now, lambda: 0.0)
    made.load("shop")
    return made


def copied(tag: str = "1", digest: str = NEW) -> Copied:
    return Copied("shop", "acme/api", tag, "s", "t/acme/api:1", digest, 10, 1.0)


def failed(tag: str = "1", reason: str = "denied", *, temporary: bool = True) -> Failed:
    return Failed("shop", "acme/api", tag, f"s/acme/api:{tag}", reason, "no", temporary)


def only(ledger: Ledger) -> TagRecord:
    (record,) = ledger.records("shop")
    return record


def surveyed(
    path: str,
    *wanted: str,
    listed: Iterable[str] = (),
    unanswered: Iterable[str] = (),
    digest: Digest | None = None,
    silent: bool = False,
) -> Survey:
    """Of a repository whose tags are at the target too, unless it is `silent` about the unanswered ones.

    `digest` is what the source, and it alone, told of those.
    """
    both = {name: Tag(name, Digest(NEW)) for name in wanted}
    silenced = {name: Tag(name, digest) for name in unanswered}
    names = {name: Tag(name) for name in listed} | silenced
    source, target = (MemoryRepository(MemoryRegistry(side), path) for side in ("source", "target"))
    there = Listing(dict(both) if silent else {name: Tag(name) for name in names} | both)
    return Survey(
        path, source, target, Listing(names | both), there, tuple(both.values()), tuple(silenced.values())
    )


def test_what_is_copied_is_written_with_the_next_flush(ledger: Ledger, state: Fragile) -> None:
    ledger.observe(copied())
    assert state.tags() == []
    ledger.flush()
    assert [(one.key.tag, one.ours, one.copied_at) for one in state.tags()] == [("1", NEW, 1000.0)]


def test_nothing_that_is_unchanged_is_written_again(ledger: Ledger, state: Fragile) -> None:
    ledger.observe(copied())
    ledger.flush()
    for _ in range(100):
        ledger.observe(Unchanged("shop", "acme/api", {"1": NEW}))
        ledger.flush()
    assert state.writes == 1


def test_while_the_disk_is_full_nothing_is_lost_and_the_trouble_is_said(
    ledger: Ledger, state: Fragile
) -> None:
    state.full = True
    ledger.observe(copied("1"))
    ledger.flush()
    ledger.log_pass(PassRecord("shop", 1.0))
    ledger.observe(copied("2"))
    ledger.refresh("shop")
    assert ledger.trouble == "the state cannot be written: the disk is full"
    assert [one.key.tag for one in ledger.records()] == ["1", "2"]
    state.full = False
    ledger.flush()
    assert ledger.trouble == ""
    assert [one.key.tag for one in state.tags()] == ["1", "2"]


def test_another_state_gets_everything_that_is_known(ledger: Ledger) -> None:
    ledger.detached = "it is locked"
    ledger.observe(copied("1"))
    ledger.flush()
    assert ledger.trouble == "it is locked", "that the stand-in works does not mend it"
    other = Memory()
    ledger.adopt(other)
    assert ledger.trouble == ""
    assert [one.key.tag for one in other.tags()] == ["1"]


def test_a_retry_by_hand_is_noticed_and_costs_nothing_where_nothing_failed(
    ledger: Ledger, state: Fragile
) -> None:
    ledger.observe(failed(temporary=False))
    ledger.flush()
    state.save([TagRecord(Key("shop", "acme/api", "1"), source_digest=NEW)])
    ledger.refresh("shop")
    assert only(ledger).reason is None
    state.save([TagRecord(Key("shop", "acme/api", "2"))])
    ledger.refresh("shop")
    assert len(ledger.records()) == 1, "not read again"


def test_failures_of_an_outage_leave_the_record_alone(ledger: Ledger) -> None:
    ledger.observe(failed(reason="circuit_open"))
    assert (only(ledger).attempts, only(ledger).reason) == (0, None)
    ledger.observe(failed())
    assert (only(ledger).attempts, ledger.attempts("shop", "acme/api", "1")) == (1, 1)


def test_a_failed_repository_makes_no_record(ledger: Ledger) -> None:
    ledger.observe(failed(tag=""))
    ledger.observe(Requested("h", "GET", 200, 0.1))
    assert ledger.records() == []


def test_a_tag_that_is_kept_is_in_step(ledger: Ledger) -> None:
    ledger.observe(failed())
    ledger.observe(Kept("shop", "acme/api", "1", "t/acme/api:1", OLD))
    assert only(ledger).progress == "in_sync"


def test_each_repository_says_when_it_is_due_again(ledger: Ledger) -> None:
    ledger.observe(failed("1"))
    ledger.observe(failed("2"))
    ledger.observe(failed("2"))
    assert ledger.due_again("shop") == {"acme/api": 1060.0}


def test_what_was_forgotten_is_removed_from_the_state(ledger: Ledger, state: Fragile) -> None:
    ledger.observe(copied())
    ledger.flush()
    ledger.forget([Key("shop", "acme/api", "1")])
    ledger.flush()
    assert state.tags() == []


def test_records_of_what_the_source_lost_long_ago_are_dropped(ledger: Ledger, state: Fragile) -> None:
    state.save(
        TagRecord(Key("shop", "r", name), absent_since=1000.0 - days * DAY)
        for name, days in (("old", 91), ("new", 89))
    )
    ledger.load("shop")
    ledger.forget_long_gone("shop")
    assert [one.key.tag for one in ledger.records()] == ["new"]


def test_what_the_target_holds_is_told_but_of_tags_that_have_failed_since(ledger: Ledger) -> None:
    for event in (copied("1"), copied("2"), failed("2"), Unchanged("shop", "acme/api", {"3": OLD})):
        ledger.observe(event)
    assert ledger.held("shop", "acme/api", ["1", "2", "3", "4"]) == {"1": NEW, "3": OLD}
    assert ledger.held("shop", "acme/web", ["1"]) == ledger.held("other", "acme/api", ["1"]) == {}
    ledger.observe(Unchanged("shop", "acme/api", {"2": NEW}))
    assert ledger.held("shop", "acme/api", ["2"]) == {"2": NEW}


class TestListings:
    """What believed listings say of the tags that are wanted, not wanted, and of those that could not be asked for."""

    def taken(self, ledger: Ledger, *surveys: Survey, vanished: Iterable[str] = ()) -> dict[str, TagRecord]:
        ledger.take("shop", surveys, vanished)
        return {f"{one.key.repository}:{one.key.tag}": one for one in ledger.records("shop")}

    def test_a_tag_whose_digest_could_not_be_asked_for_counts_on(self, ledger: Ledger) -> None:
        self.taken(ledger, surveyed("acme/api", "1"))
        ledger.observe(failed("1", "unavailable"))
        record = self.taken(ledger, surveyed("acme/api", unanswered=["1"]))["acme/api:1"]
        assert record.counts
        assert (record.source_digest, record.target_digest, record.reason) == (NEW, NEW, "unavailable")

    @pytest.mark.parametrize(("reason", "believed"), [("unavailable", None), ("circuit_open", NEW)])
    def test_it_is_believed_to_be_at_the_target_until_that_fails_for_this_tag(
        self, ledger: Ledger, reason: str, believed: str | None
    ) -> None:
        self.taken(ledger, surveyed("acme/api", "1"))
        ledger.observe(failed("1", reason))
        record = self.taken(ledger, surveyed("acme/api", unanswered=["1"], silent=True))["acme/api:1"]
        assert (record.source_digest, record.target_digest) == (NEW, believed)

    def test_what_the_list_of_the_target_tells_is_noted_all_the_same(self, ledger: Ledger) -> None:
        self.taken(ledger, surveyed("acme/api", "1"))
        there = Listing({"1": Tag("1", Digest(OLD))})
        told = surveyed("acme/api", unanswered=["1"])._replace(there=there)
        assert self.taken(ledger, told)["acme/api:1"].target_digest == OLD

    def test_it_has_moved_when_the_source_says_so_and_another_question_fails(self, ledger: Ledger) -> None:
        self.taken(ledger, surveyed("acme/api", "1"))
        ledger.observe(failed("1", "unavailable"))
        moved = surveyed("acme/api", unanswered=["1"], digest=Digest(OLD))
        record = self.taken(ledger, moved)["acme/api:1"]
        assert (record.source_digest, record.target_digest) == (OLD, NEW)
        assert record.waiting_since == Times.now

    def test_also_while_it_was_never_seen_before(self, ledger: Ledger) -> None:
        ledger.observe(failed("1", "circuit_open"))
        record = self.taken(ledger, surveyed("acme/api", unanswered=["1"]))["acme/api:1"]
        assert record.counts
        assert (record.target, record.source_digest) == ("target/acme/api", None)
        assert record.waiting_since == Times.now

    def test_what_is_listed_but_not_selected_does_not_count_and_is_not_gone(self, ledger: Ledger) -> None:
        self.taken(ledger, surveyed("acme/api", "1"))
        record = self.taken(ledger, surveyed("acme/api", listed=["1"]))["acme/api:1"]
        assert (record.wanted, record.absent_since) == (False, None)

    def test_what_is_not_listed_is_gone_from_its_own_repository_only(self, ledger: Ledger) -> None:
        self.taken(ledger, surveyed("acme/api", "1"), surveyed("acme/web", "1"), surveyed("acme/old", "1"))
        records = self.taken(ledger, surveyed("acme/web", "1"), surveyed("acme/api"), vanished=["acme/old"])
        gone = {name for name, record in records.items() if record.absent_since is not None}
        assert gone == {"acme/api:1", "acme/old:1"}
