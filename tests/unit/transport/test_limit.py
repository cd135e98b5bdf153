"""How much is asked of a registry at once, and how that yields."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import Stopped
from mirror.events import Event, Throttled, ignore
from mirror.transport.clock import Clock
from mirror.transport.limit import Gate, Pace, Parallelism
from tests.servers.waiting import Instant


def gate(parallel: int = 4, rate: float | None = None, clock: Clock | None = None, **more: float) -> Gate:
    return Gate("r", parallel=parallel, rate=rate, clock=clock or Instant(), observe=ignore, **more)  # type: ignore[arg-type] # seconds


class TestParallelism:
    def test_a_refusal_halves_and_successes_bring_it_back_one_by_one(self) -> None:
        limit = Parallelism(16)
        limit.refused()
        assert limit.allowed == 8
        for _ in range(9):
            limit.succeeded()
        assert limit.allowed == 9
        for _ in range(200):
            limit.succeeded()
        assert limit.allowed == 16

    @given(st.integers(1, 200), st.lists(st.booleans(), max_size=400))
    def test_it_never_leaves_its_bounds(self, most: int, answers: list[bool]) -> None:
        limit = Parallelism(most)
        for good in answers:
            (limit.succeeded if good else limit.refused)()
            assert 1 <= limit.allowed <= most

    @given(st.integers(2, 64))
    def test_it_recovers_fully_after_any_number_of_refusals(self, most: int) -> None:
        limit = Parallelism(most)
        for _ in range(20):
            limit.refused()
        assert limit.allowed == 1
        for _ in range(most * most):
            limit.succeeded()
        assert limit.allowed == most


class TestPace:
    def test_without_a_rate_nobody_waits(self) -> None:
        assert Pace(None).delay(10**9, 0.0) == 0.0

    def test_units_are_spread_evenly(self) -> None:
        pace = Pace(10.0)
        assert [round(pace.delay(1, 0.0), 3) for _ in range(4)] == [0.0, 0.1, 0.2, 0.3]

    def test_time_that_passed_unused_is_not_saved_up(self) -> None:
        pace = Pace(10.0)
        pace.delay(1, 0.0)
        assert [round(pace.delay(1, 100.0), 3) for _ in range(2)] == [0.0, 0.1]

    def test_a_large_amount_makes_the_next_one_wait(self) -> None:
        pace = Pace(1000.0)
        assert pace.delay(5000, 0.0) == 0.0
        assert pace.delay(1, 1.0) == pytest.approx(4.0)


class TestTurns:
    def test_no_more_than_allowed_are_in_flight(self) -> None:
        place, busy, most, lock = gate(3), 0, 0, threading.Lock()

        def work(_: int) -> None:
            nonlocal busy, most
            with place.turn():
                with lock:
                    busy += 1
                    most = max(most, busy)
                threading.Event().wait(0.005)
                with lock:
                    busy -= 1

        with ThreadPoolExecutor(12) as pool:
            list(pool.map(work, range(30)))
        assert most == 3

    def test_everybody_gets_a_turn_after_an_error_too(self) -> None:
        place = gate(1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError), place.turn():
                raise ZeroDivisionError
        with place.turn():
            pass

    def test_a_thread_that_has_a_turn_does_not_wait_for_itself(self) -> None:
        """It writes a blob, and opens the blob's source anew, at the same registry."""
        place = gate(1)

        def nested() -> str:
            with place.turn(), place.turn():
                return "through"

        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(nested).result(5) == "through"

    def test_a_nested_turn_takes_no_place_and_gives_none_back(self) -> None:
        place = gate(2)
        with place.turn():
            with place.turn():
                pass
            entered = threading.Event()

            def other() -> None:
                with place.turn():
                    entered.set()
                    threading.Event().wait(0.05)

            with ThreadPoolExecutor(2) as pool:
                first, second = pool.submit(other), pool.submit(other)
                assert entered.wait(5)
                assert not (first.done() and second.done()), "one place was left, not two"

    def test_who_waits_for_a_turn_is_told_to_stop(self) -> None:
        clock = Clock()
        place = gate(1, clock=clock)
        with place.turn(), ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(place.turn().__enter__)
            clock.stop()
            assert isinstance(waiting.exception(5), Stopped)


class TestRefusals:
    def test_all_that_were_in_flight_together_count_as_one(self) -> None:
        place = gate(16)
        with place.turn() as first, place.turn() as second:
            place.refused(first, None)
            place.refused(second, None)
        assert place.allowed == 8

    def test_a_later_one_counts_again(self) -> None:
        place = gate(16)
        for _ in range(2):
            with place.turn() as generation:
                place.refused(generation, None)
        assert place.allowed == 4

    def test_a_pause_holds_for_the_next_turn(self) -> None:
        clock = Instant()
        place = gate(clock=clock)
        place.refused(0, 7.0)
        with place.turn():
            assert clock.waits == [7.0]
        with place.turn():
            assert clock.waits == [7.0], "it is over"

    def test_a_pause_holds_for_those_who_waited_already_when_it_began(self) -> None:
        clock = Instant()
        place = gate(1, clock=clock)
        with ThreadPoolExecutor(4) as pool:
            with place.turn() as generation:
                others = [pool.submit(self._pass, place) for _ in range(4)]
                threading.Event().wait(0.05)
                place.refused(generation, 7.0)
            for other in others:
                other.result(5)
        assert sum(clock.waits) >= 7.0

    @staticmethod
    def _pass(place: Gate) -> None:
        with place.turn():
            pass

    def test_a_shorter_pause_does_not_end_a_longer_one(self) -> None:
        clock = Instant()
        place = gate(clock=clock)
        place.refused(0, 60.0)
        place.refused(0, 1.0)
        with place.turn():
            assert sum(clock.waits) == 60.0

    def test_nobody_pauses_for_longer_than_is_sane(self) -> None:
        clock = Instant()
        place = gate(clock=clock, longest_pause=300.0)
        place.refused(0, float("inf"))
        with place.turn():
            assert sum(clock.waits) == 300.0


def test_requests_are_spread_by_the_rate_and_the_wait_is_told() -> None:
    clock, events = Instant(), list[Event]()
    place = Gate("r", parallel=4, rate=2.0, clock=clock, observe=events.append)
    for _ in range(3):
        with place.turn():
            pass
    assert clock.waits == [0.5, 0.5]
    assert [event.seconds for event in events if isinstance(event, Throttled)] == [0.5, 0.5]
