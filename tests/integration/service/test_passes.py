"""The daemon keeps a mirror in step, remembers, and hurries when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mirror.demo.faults import call, refuse
from mirror.service.daemon import HUNG_AFTER
from mirror.service.triggers import Trigger
from mirror.state import attempts
from tests.servers.house import HOUR, MINUTE, House, house
from tests.servers.waiting import until


def test_the_first_pass_begins_at_once_and_takes_the_newest_tags_first(tmp_path: Path) -> None:
    # One image at a time: then the order of copying is the order of the plan.
    with house(tmp_path, limits={"images": 1, "blobs": 1}) as shop:
        for age in (3, 1, 2):
            shop.push(f"api-{age}", ago=age * HOUR)
            shop.push(f"web-{age}", name="acme/shop/web", ago=age * HOUR + 1)
        shop.daemon.turn()
        assert shop.copied == ["api-1", "web-1", "api-2", "web-2", "api-3", "web-3"]
        assert shop.metric("tags", mirror="shop", state="in_sync") == 6
        assert shop.metric("lag_seconds", mirror="shop") == 0
        assert shop.metric("passes_total", mirror="shop", result="ok") == 1
        assert shop.metric("images_copied_total", mirror="shop") == 6


def test_a_pass_over_unchanged_tags_costs_one_request_a_side(shop: House) -> None:
    shop.push(*(f"1.{number}" for number in range(30)))
    shop.turn()
    shop.gitlab.forget()
    shop.google.forget()
    shop.turn()
    assert shop.gitlab.count("GET", "/gitlab/v1/repositories/") == 1
    assert shop.google.count("GET", "/tags/list") == 1
    assert shop.google.count("HEAD|GET", "/manifests/") == 0


def test_passes_come_at_the_interval(shop: House) -> None:
    shop.push("1")
    shop.pass_time(HOUR)
    passes = shop.metric("passes_total", mirror="shop", result="ok")
    assert 11 <= passes <= 14
    records = shop.daemon.ledger.passes("shop", 100)
    assert len(records) == passes
    assert records[-1].copied == 1
    assert all(record.result == "ok" for record in records)


def test_a_new_tag_is_copied_by_the_next_pass_and_its_lag_is_measured_until_then(shop: House) -> None:
    shop.push("1")
    shop.turn()
    shop.push("2", ago=MINUTE)
    fault = shop.google.faults.add(refuse(403), "PUT", "/manifests/", times=None)
    shop.daemon.loops["shop"].hasten()
    shop.daemon.turn()
    assert shop.metric("tags", mirror="shop", state="failed") == 1
    shop.clock.seconds += 60
    assert shop.metric("lag_seconds", mirror="shop") >= 2 * MINUTE
    shop.google.faults.remove(fault)
    shop.turn(4)
    assert shop.copied == ["1", "2"]
    assert shop.metric("lag_seconds", mirror="shop") == 0


def test_a_trigger_looks_at_one_repository_within_seconds(shop: House) -> None:
    shop.push("1")
    shop.push("1", name="acme/shop/web")
    shop.daemon.turn()
    shop.push("2")
    shop.gitlab.forget()
    assert shop.daemon.take([Trigger("acme/shop/api", "2")] * 20) == 1
    shop.daemon.turn()
    assert len(shop.copied) == 2, "a burst is waited for"
    shop.clock.seconds += 2
    shop.daemon.turn()
    assert shop.copied[2:] == ["2"]
    assert shop.gitlab.count("GET", "/tags/list/") == 1
    assert shop.gitlab.count("GET", "acme/shop/web") == 0


def test_a_trigger_for_something_that_is_not_configured_does_nothing(shop: House) -> None:
    shop.push("1")
    shop.push("1", name="acme/other")
    shop.daemon.turn()
    shop.gitlab.forget()
    assert shop.daemon.take([Trigger("acme/other", "1"), Trigger("acme/other", below=True)]) == 0
    shop.clock.seconds += 5
    shop.daemon.turn()
    assert shop.gitlab.requests == ()


def test_a_trigger_for_a_repository_that_was_never_seen_is_followed(shop: House) -> None:
    shop.push("1")
    shop.daemon.turn()
    shop.push("1", name="acme/shop/new")
    assert shop.daemon.take([Trigger("acme/shop/new", "1")]) == 1
    shop.clock.seconds += 2
    shop.daemon.turn()
    assert "acme/shop/new:1" in shop.records()


def one(name: str) -> dict[str, object]:
    return {"name": name, "source": "gitlab", "target": "google", "repositories": [f"acme/{name}"]}


@contextmanager
def running(both: House) -> Iterator[None]:
    """The daemon's own threads, until the end."""
    thread = threading.Thread(target=both.daemon.run, args=(lambda: None,))
    thread.start()
    try:
        yield
    finally:
        both.daemon.stop()
        assert both.daemon.join(10)
        thread.join(10)


def test_a_slow_mirror_does_not_delay_another(tmp_path: Path) -> None:
    with house(tmp_path, mirrors=[one("slow"), one("fast")]) as both:
        both.push("1", name="acme/slow")
        both.push("1", name="acme/fast")
        released = threading.Event()
        effect = call(lambda: released.wait(60))
        fault = both.google.faults.add(effect, "PUT", "/acme/slow/manifests/", times=None)
        with running(both):
            until(lambda: both.google.faults.happened(fault) and both.copied == ["1"])
            both.push("2", name="acme/fast")
            both.daemon.take([Trigger("acme/fast", "2")])
            both.clock.seconds += 3
            until(lambda: both.copied == ["1", "2"])
            assert both.mirrored("acme/slow").tags == {}, "it waits still"
            released.set()
            until(lambda: len(both.copied) == 3)


def test_a_loop_that_dies_is_told_and_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with house(tmp_path, mirrors=[one("broken"), one("fast")]) as both:
        both.push("1", name="acme/fast")
        monkeypatch.setattr(both.daemon.loops["broken"], "turn", broken)
        with running(both):
            until(lambda: both.copied == ["1"])
            until(both.daemon.why_dead)
        assert both.daemon.why_dead() == "the loop of broken has died: unexpected LookupError: oh"


def test_that_nobody_looks_after_the_registries_any_more_is_told(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.push("1")
    monkeypatch.setattr(shop.daemon.health, "look_again", broken)
    with running(shop):
        until(lambda: shop.copied == ["1"])
        until(shop.daemon.why_dead)
    assert shop.daemon.why_dead() == "the loop of the registries has died: unexpected LookupError: oh"


def test_a_pass_without_a_sign_of_life_is_told(shop: House) -> None:
    shop.push("1")
    released = threading.Event()
    effect = call(lambda: released.wait(60))
    fault = shop.google.faults.add(effect, "PUT", "/manifests/", times=None)
    with running(shop):
        until(lambda: shop.google.faults.happened(fault))
        shop.clock.seconds += HUNG_AFTER - 1
        assert shop.daemon.why_dead() == ""
        shop.clock.seconds += 2
        assert (
            shop.daemon.why_dead()
            == f"the pass of shop hangs: nothing has happened for {HUNG_AFTER + 1:.0f} s"
        )
        released.set()
        until(lambda: shop.copied == ["1"])
        until(lambda: shop.daemon.why_dead() == "")


def test_a_hung_pass_is_told_while_another_mirror_and_the_probes_are_busy(tmp_path: Path) -> None:
    with house(tmp_path, mirrors=[one("stuck"), one("busy")]) as both:
        both.push("1", name="acme/stuck")
        released = threading.Event()
        effect = call(lambda: released.wait(60))
        fault = both.google.faults.add(effect, "PUT", "/acme/stuck/manifests/", times=None)
        with running(both):
            until(lambda: both.google.faults.happened(fault))
            for number in range(4):
                both.clock.seconds += HUNG_AFTER / 3
                both.push(str(number), name="acme/busy")
                both.daemon.take([Trigger("acme/busy", str(number))])
                both.clock.seconds += 3
                until(lambda tags=number + 1: len(both.copied) == tags)  # type: ignore[misc]
                for side in (both.daemon.loops["stuck"].job.source, both.daemon.loops["stuck"].job.target):
                    side.endpoint.ping(tries=False)
            assert both.daemon.why_dead().startswith("the pass of stuck hangs: nothing has happened for ")
            released.set()
            until(lambda: len(both.copied) == 5)
            until(lambda: both.daemon.why_dead() == "")


def test_a_long_pass_that_makes_requests_lives(tmp_path: Path) -> None:
    with house(tmp_path, mirrors=[one("long")], limits={"images": 1, "blobs": 1}) as shop:
        shop.push("1", name="acme/long")
        seen: list[str] = []

        def slow() -> None:
            shop.clock.seconds += HUNG_AFTER * 0.45  # a blob is two exchanges at once
            seen.append(shop.daemon.why_dead())

        # From the first question to the last write: workers of all three pools, and the thread of the mirror.
        shop.gitlab.faults.add(call(slow), path="/v2/|/api/|/gitlab/", times=None)
        shop.google.faults.add(call(slow), path="/v2/", times=None)
        shop.daemon.turn()
        assert shop.copied == ["1"]
        assert len(seen) > 10
        assert set(seen) == {""}


def broken() -> None:
    raise LookupError("oh")


def test_a_tag_that_fails_is_tried_again_later_and_later_and_then_given_up(shop: House) -> None:
    shop.configure(retries={"dead_after": 3})
    shop.station.take_over(shop.configure(retries={"dead_after": 3}))
    shop.push("good")
    shop.repository().put(
        b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+json", "bad"
    )
    shop.pass_time(HOUR)
    record = shop.records()["acme/shop/api:bad"]
    assert record.dead
    assert record.attempts == 3
    assert record.reason == "registry"
    assert [event.tag for event in shop.failed] == ["bad"] * 3
    assert shop.metric("tags", mirror="shop", state="dead") == 1
    assert shop.copied == ["good"]


def test_a_new_digest_brings_a_dead_letter_back(shop: House) -> None:
    shop.station.take_over(shop.configure(retries={"dead_after": 1}))
    shop.repository().put(
        b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+json", "1"
    )
    shop.turn()
    assert shop.records()["acme/shop/api:1"].dead
    shop.push("1")
    shop.turn()
    assert shop.records()["acme/shop/api:1"].progress == "in_sync"


def test_what_is_requeued_in_the_state_is_tried_again(shop: House) -> None:
    shop.station.take_over(shop.configure(retries={"dead_after": 1}))
    shop.repository().put(
        b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+json", "1"
    )
    shop.turn(3)
    assert len(shop.failed) == 1
    state = shop.daemon.ledger.state
    state.save([attempts.settled(record) for record in state.tags()])
    shop.turn()
    assert len(shop.failed) == 2
