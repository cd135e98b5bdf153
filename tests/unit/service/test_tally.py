"""What a running pass has come to, counted from its events."""

from __future__ import annotations

import pytest

from mirror.events import Copied, Failed, Planned, Requested, Started, Unchanged
from mirror.service.tally import Tally


@pytest.fixture
def tally() -> Tally:
    return Tally("shop", 5.0, lambda: 7.0)


def failed(reason: str = "denied", tag: str = "1") -> Failed:
    return Failed("shop", "r", tag, f"r:{tag}", reason, "no", temporary=False)


def test_a_pass_without_trouble_is_ok(tally: Tally) -> None:
    tally.observe(Planned("shop", "r", "t/r", 3, 1))
    tally.observe(Unchanged("shop", "r", {"1": "d"}))
    assert (tally.queue, tally.copying) == (1, 0)
    tally.observe(Started("shop", "s", "t/r:2"))
    assert (tally.queue, tally.copying) == (0, 1)
    tally.observe(Copied("shop", "r", "2", "s", "t/r:2", "d", 100, 1.0))
    assert (tally.queue, tally.copying, tally.result()) == (0, 0, "ok")
    record = tally.record(ended=9.0, result="ok")
    assert (record.started, record.ended, record.tags, record.copied, record.unchanged, record.size) == (
        5.0, 9.0, 3, 1, 1, 100,
    )  # fmt: skip


def test_some_failures_are_partial_and_nothing_but_failures_is_failed(tally: Tally) -> None:
    tally.observe(failed(tag=""))
    assert tally.result() == "failed"
    tally.observe(Planned("shop", "r", "t/r", 1, 0))
    assert tally.result() == "partial"
    assert tally.record().message == "no"


def test_what_an_outage_interrupts_is_no_failure_but_no_success_either(tally: Tally) -> None:
    tally.observe(Planned("shop", "r", "t/r", 1, 1))
    tally.observe(Started("shop", "s", "t/r:1"))
    tally.observe(failed("circuit_open"))
    assert (tally.failed, tally.copying, tally.result()) == (0, 0, "partial")


def test_a_tag_that_fails_before_it_was_planned_was_never_in_flight(tally: Tally) -> None:
    tally.observe(failed())
    assert tally.copying == 0
    assert tally.failed == 1


def test_every_event_is_a_sign_of_life() -> None:
    moments = iter([1.0, 42.0])
    tally = Tally("shop", 0, lambda: next(moments))
    tally.observe(Requested("h", "GET", 200, 0.1))
    assert tally.alive_at == 42.0
