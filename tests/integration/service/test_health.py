"""/healthz is false when a loop has died or hangs, and only then."""

from __future__ import annotations

import threading
import time

import pytest

from mirror.service.daemon import HUNG_AFTER
from mirror.service.loop import Loop
from tests.servers.house import House


def test_a_loop_that_dies_is_said_and_stops_no_other_thread(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Loop) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(Loop, "turn", broken)
    thread = threading.Thread(target=shop.daemon.run, args=(lambda: None,))
    thread.start()
    deadline = time.monotonic() + 10
    while not shop.daemon.why_dead() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert shop.daemon.why_dead() == "the loop of shop has died: unexpected RuntimeError: a mistake of ours"
    assert [event.reason for event in shop.failed] == ["unexpected"]
    shop.daemon.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_pass_without_a_sign_of_life_hangs_and_one_that_moves_bytes_does_not(shop: House) -> None:
    shop.push("1")
    seen: list[str] = []

    def watch(request: object, answer: object) -> object:
        shop.clock.seconds += HUNG_AFTER - 10
        seen.append(shop.daemon.why_dead())
        shop.daemon.loops["shop"].show_life()
        shop.clock.seconds += HUNG_AFTER - 10
        seen.append(shop.daemon.why_dead())
        shop.clock.seconds += 20
        seen.append(shop.daemon.why_dead())
        return answer()  # type: ignore[operator]

    shop.google.faults.add(watch, "PUT", "/manifests/", times=1)  # type: ignore[arg-type]
    shop.daemon.turn()
    assert seen[:2] == ["", ""]
    assert seen[2].startswith("the pass of shop hangs: nothing has happened for 9")
    assert shop.daemon.why_dead() == "", "it goes on"


def test_it_is_ready_when_both_registries_have_answered(shop: House) -> None:
    assert "no answer yet from" in shop.daemon.why_not_ready()
    assert {one.up for one in shop.daemon.standing().registries} == {None}
    shop.push("1")
    shop.daemon.turn()
    assert shop.daemon.why_not_ready() == ""
    assert {one.up for one in shop.daemon.standing().registries} == {True}
