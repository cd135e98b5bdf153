"""Every memory keeps the same promises: a dictionary, SQLite, and a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from mirror.errors import StateEmpty, StateError
from mirror.state.database import Database
from mirror.state.engine import parse
from mirror.state.memory import Memory
from mirror.state.records import Condition, Key, PassRecord, State, TagRecord

SHA = "sha256:" + "a" * 64
FULL = TagRecord(
    key=Key("shop", "acme/shop/api", "1.0"),
    target="eu.gcr.io/proj/acme/shop/api",
    source_digest=SHA,
    target_digest="sha256:" + "b" * 64,
    kept=True,
    wanted=False,
    ours=SHA,
    size=3 << 33,
    published=1_790_000_000.25,
    first_seen=1_790_000_001.5,
    copied_at=1_790_000_002.125,
    absent_since=1_790_000_003.0,
    attempts=7,
    refusals=2,
    next_attempt=1_790_000_004.0,
    reason="denied",
    message="say “no”: Zürich 東京",
    dead=True,
)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    """An empty state."""
    opened: State
    if request.param == "memory":
        opened = Memory()
    elif request.param == "sqlite":
        opened = Database(f"sqlite:///{tmp_path}/state.db")
    else:
        url = request.getfixturevalue("postgresql")
        _empty(url)
        opened = Database(url)
    yield opened
    opened.close()


def _empty(url: str) -> None:
    engine = sa.create_engine(parse(url))
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()


def record(tag: str, mirror: str = "shop", repository: str = "acme/shop/api") -> TagRecord:
    return TagRecord(Key(mirror, repository, tag), source_digest=SHA, first_seen=1.0)


def test_a_record_comes_back_as_it_was_written(state: State) -> None:
    state.save([FULL])
    assert state.tags() == [FULL]


def test_a_record_of_a_tag_that_was_never_copied_comes_back_with_its_gaps(state: State) -> None:
    state.save([record("1")])
    assert state.tags() == [record("1")]


def test_saving_again_replaces_every_field(state: State) -> None:
    state.save([FULL, record("other")])
    blank = TagRecord(FULL.key)
    state.save([blank])
    assert state.tags() == [blank, record("other")]


def test_records_are_ordered_by_mirror_repository_and_tag_byte_by_byte(state: State) -> None:
    keys = [("b", "r", "1"), ("a", "r", "b"), ("a", "r", "B"), ("a", "r", "_"), ("a", "q", "z")]
    state.save(record(tag, mirror, repository) for mirror, repository, tag in keys)
    assert [found.key for found in state.tags()] == sorted(Key(*key) for key in keys)
    assert [found.key.tag for found in state.tags("a")] == ["z", "B", "_", "b"]


def test_a_forgotten_record_is_gone_and_forgetting_an_unknown_one_is_no_error(state: State) -> None:
    state.save([record("1"), record("2")])
    state.forget([record("1").key, Key("shop", "nowhere", "x")])
    state.forget([])
    assert state.tags() == [record("2")]


def test_saving_nothing_changes_nothing(state: State) -> None:
    state.save([])
    assert state.tags() == []


def test_a_thousand_records_are_one_save(state: State) -> None:
    many = [record(f"{number:04}") for number in range(1000)]
    state.save(many)
    assert state.tags() == many


def test_a_pass_is_logged_at_its_start_and_replaced_at_its_end(state: State) -> None:
    begun = PassRecord("shop", started=10.0)
    ended = replace(
        begun, ended=20.0, result="partial", tags=5, copied=3, unchanged=1, failed=1, size=1 << 40
    )
    state.log_pass(begun)
    assert state.passes() == [begun]
    state.log_pass(ended)
    assert state.passes() == [ended]


def test_passes_come_newest_first_and_never_more_than_asked_for(state: State) -> None:
    for started in (3.0, 1.0, 2.0):
        state.log_pass(PassRecord("shop", started))
        state.log_pass(PassRecord("base", started + 0.5))
    assert [found.started for found in state.passes("shop", limit=2)] == [3.0, 2.0]
    assert [found.started for found in state.passes(limit=3)] == [3.5, 3.0, 2.5]


def test_trimming_keeps_the_latest_passes_of_each_mirror(state: State) -> None:
    for started in (1.0, 2.0, 3.0):
        state.log_pass(PassRecord("busy", started))
    state.log_pass(PassRecord("rare", 0.5))
    state.trim_passes(2)
    assert [found.started for found in state.passes()] == [3.0, 2.0, 0.5]


def test_a_condition_lasts_until_it_is_cleared(state: State) -> None:
    down = Condition("registry", "registry.gitlab.com", 5.0, "unreachable", "refused")
    frozen = Condition("mirror", "shop", 6.0, "empty_listing", "no tags")
    state.set_condition(down)
    state.set_condition(frozen)
    state.set_condition(replace(down, message="timed out"))
    assert state.conditions() == [frozen, replace(down, message="timed out")]
    state.clear_condition("registry", "registry.gitlab.com")
    state.clear_condition("registry", "unknown")
    assert state.conditions() == [frozen]


def test_threads_may_write_at_the_same_time(state: State) -> None:
    failures: list[BaseException] = []

    def write(mirror: str) -> Callable[[], None]:
        def run() -> None:
            try:
                for number in range(20):
                    state.save([record(str(number), mirror)])
            except BaseException as error:  # noqa: BLE001 - told to the main thread
                failures.append(error)

        return run

    threads = [threading.Thread(target=write(f"m{number}")) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(state.tags()) == 80


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_database_that_is_only_read_gets_no_tables_and_takes_nothing(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path}/state.db"
        (tmp_path / "state.db").touch()
    else:
        url = request.getfixturevalue("postgresql")
        _empty(url)
    for _ in range(2):
        with pytest.raises(StateEmpty):
            Database(url, read_only=True)
    written = Database(url)
    written.save([FULL])
    written.close()
    reading = Database(url, read_only=True)
    assert reading.tags() == [FULL]
    with pytest.raises(StateError, match="cannot be written"):
        reading.save([record("1")])
    with pytest.raises(StateError, match="cannot be written"):
        reading.forget([FULL.key])
    assert reading.tags() == [FULL]
    reading.close()
