"""What is tried again, how often, and after which wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import (
    CircuitOpen,
    ConnectFailed,
    ConnectionBroken,
    Denied,
    DigestMismatch,
    MirrorError,
    NotFound,
    RateLimited,
    Stopped,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from mirror.events import Event, Retried, ignore
from mirror.transport.clock import Clock
from mirror.transport.retry import LONGEST_ASKED, Policy, Retry, seconds_asked
from tests.servers.waiting import Instant

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Failing:
    """Raises its errors one after the other, then answers."""

    def __init__(self, *errors: MirrorError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def asked_to_wait(seconds: float | None) -> RateLimited:
    error = RateLimited("later", status=429)
    error.retry_after = seconds
    return error


def retry(clock: Clock | None = None, policy: Policy | None = None) -> Retry:
    return Retry("r", policy or Policy(), clock or Instant(), ignore)


@pytest.mark.parametrize(
    "error", [ConnectFailed("x"), TimedOut("x"), Unavailable("x"), RateLimited("x")], ids=lambda e: e.reason
)
def test_what_may_pass_is_tried_again(error: MirrorError) -> None:
    action = Failing(error, error)
    assert retry()(action) == "answer"
    assert action.calls == 3


@pytest.mark.parametrize(
    "error",
    [
        Denied("x"),
        NotFound("x"),
        Unauthorized("x"),
        DigestMismatch("x"),
        CircuitOpen("x"),
        Stopped("x"),
    ],
    ids=lambda e: e.reason,
)
def test_what_stays_is_not(error: MirrorError) -> None:
    action = Failing(error)
    with pytest.raises(type(error)):
        retry()(action)
    assert action.calls == 1


def test_an_error_of_another_family_is_not_ours_to_retry() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        retry()(broken)


@pytest.mark.parametrize(
    ("error", "most"),
    [
        (Unavailable("x"), Policy().attempts),
        (ConnectFailed("x"), Policy().attempts_to_connect),
        (ConnectionBroken("x"), Policy().attempts),
        (RateLimited("x"), Policy().attempts_when_limited),
    ],
    ids=["unavailable", "connect", "broken", "limited"],
)
def test_it_gives_up_with_the_last_error(error: MirrorError, most: int) -> None:
    action = Failing(*[error] * 100)
    with pytest.raises(type(error)) as raised:
        retry()(action)
    assert raised.value is error
    assert action.calls == most


def test_who_is_asked_for_less_is_patient_for_more_than_a_minute_on_average() -> None:
    """A quota of Google's is used up for as long as its minute lasts."""
    total = 0.0
    for _ in range(50):
        clock = Instant()
        with pytest.raises(RateLimited):
            retry(clock)(Failing(*[RateLimited("x")] * 100))
        total += sum(clock.waits)
    assert total / 50 > 60


def test_waits_grow_and_have_an_end() -> None:
    clock = Instant()
    with pytest.raises(Unavailable):
        retry(clock, Policy(attempts=20, first=1.0, longest=10.0))(Failing(*[Unavailable("x")] * 20))
    assert len(clock.waits) == 19
    assert all(0 <= wait <= min(10.0, 2.0**number) for number, wait in enumerate(clock.waits))


def test_the_registrys_own_wait_wins_and_has_an_end_too() -> None:
    clock = Instant()
    action = Failing(asked_to_wait(12.0), asked_to_wait(10**9), asked_to_wait(0.0))
    retry(clock)(action)
    assert clock.waits == [12.0, LONGEST_ASKED, 0.0]


def test_every_retry_is_told_with_its_reason_and_delay() -> None:
    events = list[Event]()
    Retry("r", Policy(), Instant(), events.append)(Failing(asked_to_wait(3.0)))
    assert events == [Retried("r", "rate_limited", 3.0)]


def test_a_wait_ends_when_the_program_is_told_to_stop() -> None:
    clock = Clock()
    clock.stop()
    action = Failing(asked_to_wait(60.0))
    with pytest.raises(Stopped):
        retry(clock)(action)
    assert action.calls == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("1e9", None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0.0),
        (format_datetime((NOW + timedelta(minutes=1)).astimezone(timezone(timedelta(hours=5)))), 60.0),
        ("Sun, 01 Mar 2026 12:00:30", 30.0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30.0),
        ("Sun, 99 Mar 2026 99:00:00 GMT", None),
        ("Sun, 01 Mar 99999999 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert seconds_asked(header, NOW) == seconds


@given(st.text(max_size=60))
def test_no_header_is_too_odd_to_read(header: str) -> None:
    found = seconds_asked(header, NOW)
    assert found is None or found >= 0


@given(st.integers(0, 10**400))
def test_any_number_of_seconds_is_read(seconds: int) -> None:
    found = seconds_asked(str(seconds), NOW)
    assert found is not None
    assert found >= 0
