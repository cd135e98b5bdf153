"""The breaker between a client and a real registry that goes down and comes back."""

from __future__ import annotations

import pytest

from mirror.errors import CircuitOpen, ConnectFailed, TransportError
from mirror.events import Closed, Event, Opened, Requested
from mirror.transport.breaker import Breaker, Endurance
from mirror.transport.client import Client
from mirror.transport.clock import Clock
from tests.servers.registry import Registry


class HandClock(Clock):
    now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_a_registry_that_is_killed_is_left_alone_until_it_is_back(registry: Registry) -> None:
    clock, told = HandClock(), list[Event]()
    breaker = Breaker(
        registry.host, registry.url, clock=clock, observe=told.append, endurance=Endurance(failures=3)
    )
    client = Client(registry.host, observe=told.append, breaker=breaker)

    def ask() -> int:
        return client.exchange("GET", f"{registry.url}/v2/", {}).status

    assert ask() == 200
    registry.stop()
    for _ in range(3):
        with pytest.raises(ConnectFailed):
            ask()
    sent = sum(isinstance(event, Requested) for event in told)
    for _ in range(100):
        with pytest.raises(CircuitOpen):
            ask()
    assert sum(isinstance(event, Requested) for event in told) == sent, "nothing was sent meanwhile"
    registry.start()
    with pytest.raises(TransportError):
        ask()
    clock.now += 5
    assert ask() == 200
    assert [type(event) for event in told if isinstance(event, Opened | Closed)] == [Opened, Closed]


def test_a_path_that_is_not_there_is_an_answer(registry: Registry) -> None:
    told = list[Event]()
    breaker = Breaker(registry.host, registry.url, clock=Clock(), observe=told.append)
    client = Client(registry.host, observe=told.append, breaker=breaker)
    for _ in range(20):
        assert client.exchange("GET", f"{registry.url}/v2/no/such/manifests/x", {}).status == 404
    assert not breaker.is_open
