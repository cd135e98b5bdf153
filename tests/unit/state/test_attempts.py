"""When a tag that failed is tried again, and when it is given up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.state import attempts
from mirror.state.attempts import Failure, Patience
from mirror.state.records import Key, TagRecord

OLD, NEW = "sha256:old", "sha256:new"
KEY = Key("shop", "acme/api", "1")
BLANK = TagRecord(KEY)
PATIENCE = Patience(first=60, longest=3600, refusals=3)


def refused(at: float = 0.0) -> Failure:
    return Failure(at, "invalid_manifest", "not an image", temporary=False)


def unlucky(at: float = 0.0, reason: str = "unavailable") -> Failure:
    return Failure(at, reason, "503", temporary=True)


def after(failure: Failure, times: int, record: TagRecord = BLANK) -> TagRecord:
    for _ in range(times):
        record = attempts.failed(record, failure, PATIENCE, 0)
    return record


@pytest.mark.parametrize(("times", "delay"), [(1, 60), (2, 120), (3, 240), (6, 1920), (7, 3600), (500, 3600)])
def test_the_delay_doubles_up_to_the_longest(times: int, delay: float) -> None:
    assert after(unlucky(1000), times).next_attempt == 1000 + delay


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_jitter_takes_away_a_fifth_at_most_and_never_adds(times: int, jitter: float) -> None:
    plain = PATIENCE.delay(times, 0)
    assert plain * 0.8 - 1e-6 <= PATIENCE.delay(times, jitter) <= plain


def test_permanent_failures_make_a_dead_letter_and_temporary_ones_never_do() -> None:
    assert not after(refused(), 2).dead
    assert after(refused(), 3).dead
    assert not after(unlucky(), 500).dead


def test_a_temporary_failure_in_between_begins_the_count_of_permanent_ones_anew() -> None:
    record = after(unlucky(), 1, after(refused(), 2))
    assert not after(refused(), 2, record).dead


@pytest.mark.parametrize("reason", ["circuit_open", "unauthorized", "stopped"])
def test_a_failure_of_the_registry_does_not_count_against_the_image(reason: str) -> None:
    waiting = after(unlucky(), 1)
    assert after(Failure(0, reason, "down", temporary=False), 100, waiting) == waiting


def test_a_new_digest_resets_the_record_but_remembers_what_is_ours() -> None:
    record = attempts.copied(BLANK, OLD, size=9, now=5)
    dead = after(refused(), 3, record)
    fresh = attempts.wanted(dead, NEW, published=50, target="t/api", now=70)
    assert fresh == replace(record, source_digest=NEW, published=50, first_seen=70, target="t/api")
    assert fresh.progress == "pending"


def test_the_same_digest_keeps_its_failures_and_the_time_it_was_first_seen() -> None:
    record = after(refused(), 1, attempts.wanted(BLANK, NEW, None, "t/api", now=1))
    assert attempts.wanted(record, NEW, None, "t/api", now=99) == record


def test_a_tag_that_is_back_at_the_source_is_absent_no_more() -> None:
    gone = replace(attempts.in_step(BLANK, OLD), absent_since=5.0)
    assert attempts.wanted(gone, OLD, None, "t/api", now=9).absent_since is None


def test_a_copy_that_worked_forgets_the_failures() -> None:
    record = attempts.copied(after(refused(), 2), NEW, size=12, now=8)
    assert record.progress == "in_sync"
    assert (record.ours, record.copied_at, record.size) == (NEW, 8, 12)
    assert (record.attempts, record.reason, record.message, record.next_attempt) == (0, None, None, None)


def test_what_somebody_else_put_at_the_target_is_in_step_but_not_ours() -> None:
    record = attempts.in_step(BLANK, NEW)
    assert record.progress == "in_sync"
    assert record.ours is None


def test_a_tag_that_is_kept_on_purpose_is_no_backlog() -> None:
    record = attempts.kept(attempts.wanted(BLANK, NEW, 1, "t/api", now=1), OLD)
    assert record.progress == "in_sync"
    assert attempts.lag([record], now=100) == 0


def test_what_is_due() -> None:
    waiting = after(unlucky(100), 1, attempts.wanted(BLANK, OLD, None, "t", now=1))
    assert attempts.is_due(None, OLD, 0, PATIENCE)
    assert not attempts.is_due(waiting, OLD, 159, PATIENCE)
    assert attempts.is_due(waiting, OLD, 160, PATIENCE)
    assert attempts.is_due(waiting, NEW, 101, PATIENCE), "a new digest never waits"
    dead = after(refused(), 3, waiting)
    assert not attempts.is_due(dead, OLD, 1e12, PATIENCE)
    assert attempts.is_due(dead, NEW, 0, PATIENCE)


def test_a_clock_that_jumped_back_makes_nothing_wait_for_years() -> None:
    waiting = after(unlucky(2_000_000_000), 1, attempts.wanted(BLANK, OLD, None, "t", now=1))
    assert attempts.is_due(waiting, OLD, 1_000_000_000, PATIENCE)


def test_the_lag_is_the_age_of_the_oldest_digest_that_the_target_lacks() -> None:
    done = attempts.in_step(attempts.wanted(BLANK, OLD, 1, "t", now=1), OLD)
    told = attempts.wanted(BLANK, NEW, 400, "t", now=900)
    seen = attempts.wanted(BLANK, NEW, None, "t", now=700)
    gone = replace(told, published=2, absent_since=800)
    assert attempts.lag([], 1000) == 0
    assert attempts.lag([done], 1000) == 0
    assert attempts.lag([done, seen], 1000) == 300
    assert attempts.lag([done, seen, told, gone], 1000) == 600


def test_a_clock_behind_the_source_is_not_a_negative_lag() -> None:
    assert attempts.lag([attempts.wanted(BLANK, NEW, 400, "t", now=300)], 300) == 0


@pytest.mark.parametrize(
    ("record", "progress"),
    [
        (BLANK, "pending"),
        (TagRecord(KEY, source_digest=OLD), "pending"),
        (TagRecord(KEY, source_digest=NEW, target_digest=OLD), "pending"),
        (TagRecord(KEY, source_digest=NEW, target_digest=OLD, reason="denied"), "failed"),
        (TagRecord(KEY, source_digest=NEW, target_digest=NEW), "in_sync"),
        (TagRecord(KEY, source_digest=NEW, target_digest=NEW, dead=True, reason="x"), "dead"),
    ],
)
def test_where_a_tag_stands(record: TagRecord, progress: str) -> None:
    assert record.progress == progress
