"""When a registry is left alone, and how it is noticed that it is back."""

from __future__ import annotations

import threading

import pytest

from mirror.errors import CircuitOpen, ConnectFailed
from mirror.events import Closed, Event, Opened
from mirror.transport.breaker import Breaker, Circuit, Endurance, suspect
from mirror.transport.clock import Clock
from mirror.transport.retry import Policy

BASE = "https://registry.gitlab.com"
BLOB = f"{BASE}/v2/acme/api/blobs/sha256:0"
REALM = "https://gitlab.com/jwt/auth?service=container_registry&scope=x"
PLAN = Endurance(failures=3, first=5, longest=40)


class HandClock(Clock):
    """Time that a test moves."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Place:
    """What is probed; remembers the URLs."""

    def __init__(self) -> None:
        self.up = False
        self.asked: list[str] = []

    def probe(self, url: str) -> bool:
        self.asked.append(url)
        return self.up


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def breaker(clock: HandClock, told: list[Event]) -> Breaker:
    return Breaker("registry.gitlab.com", BASE, clock=clock, observe=told.append, endurance=PLAN)


def fail(breaker: Breaker, place: Place, times: int = 3, url: str = BLOB) -> None:
    for _ in range(times):
        breaker.failed(url, "connection refused", place.probe)


def test_failures_in_a_row_and_a_failed_probe_open_it(breaker: Breaker, told: list[Event]) -> None:
    place = Place()
    fail(breaker, place, 2)
    assert (breaker.is_open, place.asked) == (False, [])
    fail(breaker, place, 1)
    assert (breaker.is_open, place.asked) == (True, [f"{BASE}/v2/"])
    assert told == [Opened("registry.gitlab.com", "connection refused")]


def test_an_image_that_cannot_be_read_opens_nothing_while_the_registry_answers(breaker: Breaker) -> None:
    place = Place()
    place.up = True
    fail(breaker, place, 300)
    assert not breaker.is_open
    assert len(place.asked) == 100, "one probe for three failures"


def test_a_success_in_between_begins_the_count_anew(breaker: Breaker) -> None:
    place = Place()
    for _ in range(50):
        fail(breaker, place, 2)
        breaker.succeeded()
    assert place.asked == []


def test_while_it_is_open_nothing_is_asked_until_the_pause_is_over(
    breaker: Breaker, clock: HandClock, told: list[Event]
) -> None:
    place = Place()
    fail(breaker, place)
    for _ in range(100):
        with pytest.raises(CircuitOpen, match=r"registry\.gitlab\.com is down and left alone"):
            breaker.before(place.probe)
    assert len(place.asked) == 1
    clock.now += 5
    place.up = True
    breaker.before(place.probe)
    assert not breaker.is_open
    assert told[-1] == Closed("registry.gitlab.com")
    breaker.before(place.probe)
    assert len(place.asked) == 2


def test_the_pause_doubles_up_to_the_longest(breaker: Breaker, clock: HandClock) -> None:
    place = Place()
    fail(breaker, place)
    waits = []
    for _ in range(6):
        waited = 0.0
        while len(place.asked) == len(waits) + 1:
            clock.now += 1
            waited += 1
            with pytest.raises(CircuitOpen):
                breaker.before(place.probe)
        waits.append(waited)
    assert waits == [5, 10, 20, 40, 40, 40]


def test_twelve_hours_of_outage_are_a_few_hundred_probes(breaker: Breaker, clock: HandClock) -> None:
    place = Place()
    fail(breaker, place)
    for _ in range(12 * 3600):
        clock.now += 1
        with pytest.raises(CircuitOpen):
            breaker.before(place.probe)
    assert len(place.asked) < 12 * 3600 / 40 + 10


def test_of_many_callers_one_probes(breaker: Breaker, clock: HandClock) -> None:
    place = Place()
    fail(breaker, place)
    clock.now += 5
    gate, asked = threading.Barrier(8), []
    slow = threading.Event()

    def probe(url: str) -> bool:
        asked.append(url)
        slow.wait(0.2)
        return False

    def call() -> None:
        gate.wait()
        with pytest.raises(CircuitOpen):
            breaker.before(probe)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1


def test_a_late_answer_does_not_close_an_open_circuit(breaker: Breaker) -> None:
    fail(breaker, Place())
    breaker.succeeded()
    assert breaker.is_open


def test_a_token_service_that_is_down_is_probed_where_it_lives(breaker: Breaker) -> None:
    place = Place()
    fail(breaker, place, url=REALM)
    assert place.asked == ["https://gitlab.com/jwt/auth"]
    assert breaker.is_open


def test_the_signature_of_a_storage_url_is_not_probed() -> None:
    assert suspect("https://storage.example/a/b?sig=secret", BASE) == "https://storage.example/a/b"


def test_nobody_waits_for_an_open_circuit() -> None:
    assert Policy().gives_up(CircuitOpen("down"), 1)
    assert not Policy().gives_up(ConnectFailed("refused"), 1)


def test_the_state_machine_is_made_of_values() -> None:
    closed = Circuit()
    assert closed.succeeded() is closed
    opened = Circuit(failures=3).probed(answered=False, now=0, endurance=PLAN)
    assert (opened.is_open, opened.probe_at) == (True, 5)
    assert opened.probed(answered=True, now=9, endurance=PLAN) == Circuit()
