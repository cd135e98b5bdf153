"""When one mirror is looked at again, and at how much of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.service.schedule import DEBOUNCE, Schedule, jittered

PLAN = Schedule(everything_at=100.0)


def test_nothing_is_due_before_its_time() -> None:
    assert PLAN.due(99.9) == frozenset()
    assert PLAN.due(100) is None
    assert PLAN.next_at == 100


def test_a_trigger_makes_one_repository_due_within_seconds() -> None:
    plan = PLAN.hastened("api", 10)
    assert plan.next_at == 10 + DEBOUNCE
    assert plan.due(10) == frozenset()
    assert plan.due(10 + DEBOUNCE) == {"api"}
    assert plan.after_some(frozenset({"api"})) == PLAN


def test_a_burst_is_waited_for_from_its_first_word_not_for_ever() -> None:
    plan = PLAN
    for moment in range(20):
        plan = plan.hastened("api", 10 + moment / 10)
    assert plan.next_at == 10 + DEBOUNCE


def test_repositories_are_debounced_apart() -> None:
    plan = PLAN.hastened("api", 10).hastened("web", 11)
    assert plan.due(12) == {"api"}
    assert plan.due(13) == {"api", "web"}


def test_a_retry_never_delays_an_earlier_look() -> None:
    plan = PLAN.hastened("api", 10).also("api", 50).also("web", 60)
    assert plan.some_at == {"api": 12, "web": 60}


def test_looking_at_everything_settles_what_was_asked_for() -> None:
    plan = PLAN.hastened("api", 10).after(20, 300)
    assert plan == Schedule(320)
    assert plan.at_once(30).due(30) is None


@given(st.floats(0, 1))
def test_jitter_is_a_tenth_at_most(dice: float) -> None:
    assert 270 <= jittered(300, dice) <= 330


@pytest.mark.parametrize(("dice", "pause"), [(0, 270), (0.5, 300), (1, 330)])
def test_mirrors_do_not_march_in_step(dice: float, pause: float) -> None:
    assert jittered(300, dice) == pytest.approx(pause)
