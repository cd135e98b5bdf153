"""The hour that the mirror exists for: registries go down, refuse, and list nonsense; and come back."""

from __future__ import annotations

import pytest

from mirror.demo.access import Account
from mirror.demo.faults import answer_with, refuse, too_many, unavailable
from mirror.demo.messages import json_answer
from mirror.service.triggers import Trigger
from mirror.service.verdict import verdict
from tests.servers.house import DAY, HOUR, MINUTE, House


def test_google_answering_429_for_a_minute_and_then_503_is_no_failure(shop: House) -> None:
    shop.push(*(f"1.{number}" for number in range(20)))
    began = shop.clock.seconds

    def crowded(request: object, answer: object) -> object:
        since = shop.clock.seconds - began
        fault = too_many(retry_after="2") if since < 60 else unavailable() if since < 90 else None
        return fault(request, answer) if fault else answer()  # type: ignore[arg-type, operator]

    shop.google.faults.add(crowded, path="/v2/", times=None)  # type: ignore[arg-type]
    shop.pass_time(10 * MINUTE)
    assert sorted(shop.copied) == sorted(f"1.{number}" for number in range(20))
    assert shop.failed == []
    assert shop.metric("tags", mirror="shop", state="in_sync") == 20
    assert shop.google.count(status=429) > 0
    assert shop.google.count(status=503) > 0


def test_rails_down_while_the_registry_still_greets_is_an_outage(shop: House) -> None:
    shop.push("1")
    shop.turn()
    fault = shop.gitlab.faults.add(unavailable(502), path="/jwt/auth", times=None)
    shop.station.take_over(shop.configure())  # new connections know no token
    shop.pass_time(10 * MINUTE)
    assert shop.frozen() == "source_down"
    shop.gitlab.faults.remove(fault)
    shop.push("2")
    shop.pass_time(5 * MINUTE)
    assert shop.frozen() == ""
    assert shop.copied == ["1", "2"]


def test_a_target_that_goes_down_in_the_middle_of_a_pass_freezes_and_goes_on_by_itself(shop: House) -> None:
    shop.station.take_over(shop.configure(limits={"images": 1}))
    shop.push(*(f"1.{number}" for number in range(10)))
    puts = 0

    def failing(request: object, answer: object) -> object:
        nonlocal puts
        puts += 1
        if puts == 4:
            shop.google.pause()
        return answer()  # type: ignore[operator]

    shop.google.faults.add(failing, "PUT", "/manifests/", times=None)  # type: ignore[arg-type]
    shop.daemon.turn()
    assert shop.frozen() == "target_down"
    assert len(shop.copied) < 10
    shop.google.faults.clear()
    shop.google.start()
    shop.pass_time(5 * MINUTE)
    assert shop.frozen() == ""
    assert shop.metric("tags", mirror="shop", state="in_sync") == 10
    assert shop.metric("copy_failures_total", mirror="shop", reason="circuit_open") == 0


def test_a_refused_credential_is_left_alone_until_its_file_changes(shop: House) -> None:
    shop.push("1")
    shop.token.write_text("wrong")
    shop.pass_time(3 * HOUR)
    assert shop.frozen() == "source_refused"
    logins = shop.gitlab.count("GET", "/jwt/auth", 401) + shop.gitlab.count("GET", "/api/v4/", 401)
    assert logins <= 2, "GitLab bans whoever hammers it"
    assert "refuses the credential" in verdict(shop.daemon.standing()).sentence
    assert "glpat" not in verdict(shop.daemon.standing()).sentence
    shop.token.write_text("secret")
    shop.pass_time(MINUTE)
    assert shop.frozen() == ""
    assert shop.copied == ["1"]


def test_a_token_that_is_rotated_in_its_file_is_used_without_a_restart(shop: House) -> None:
    shop.push("1")
    shop.turn()
    shop.gitlab.users = {"mirror": Account("rotated")}
    shop.token.write_text("rotated")
    shop.push("2")
    shop.turn()
    assert shop.copied == ["1", "2"]
    assert shop.gitlab.count("GET", "/jwt/auth", 401) == 0
    assert shop.failed == []


@pytest.mark.parametrize("jump", [-10 * DAY, 10 * DAY, -3 * HOUR])
def test_a_clock_that_jumps_disturbs_nothing(shop: House, jump: float) -> None:
    shop.push("1")
    shop.repository().put(
        b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+json", "bad"
    )
    shop.turn(3)
    shop.clock.skew = jump
    shop.push("2")
    shop.pass_time(HOUR)
    assert shop.copied == ["1", "2"]
    assert shop.metric("lag_seconds", mirror="shop") >= 0
    assert len([event for event in shop.failed if event.tag == "bad"]) > 1, "it was tried again"


def test_an_empty_listing_is_not_believed_and_the_mirror_says_why(shop: House) -> None:
    shop.push("1", "2")
    shop.push("1", name="acme/shop/web")
    shop.turn()
    empty = answer_with(json_answer([]))
    fault = shop.gitlab.faults.add(empty, path="acme/shop/api/tags/list", times=None)
    shop.push("2", name="acme/shop/web")
    shop.turn(5)
    assert shop.frozen() == "empty_listing"
    assert len(shop.copied) == 3, "nothing is changed, in no repository"
    assert "acme/shop/api had 2 tags and now lists none" in shop.daemon.standing().mirrors[0].frozen.message  # type: ignore[union-attr]
    assert all(record.absent_since is None for record in shop.records().values())
    shop.gitlab.faults.remove(fault)
    shop.turn()
    assert shop.frozen() == ""
    assert len(shop.copied) == 4


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_repository_that_refuses_as_a_whole_freezes_the_mirror(shop: House, status: int) -> None:
    shop.push("1")
    shop.push("1", name="acme/shop/web")
    shop.turn()
    shop.gitlab.faults.add(refuse(status), path="acme/shop/web/tags/list", times=None)
    shop.turn()
    assert shop.frozen() == "missing_repository"
    assert shop.metric("tags", mirror="shop", state="in_sync") == 2


def test_a_listing_that_shrank_is_not_believed(shop: House) -> None:
    shop.push(*(f"1.{number}" for number in range(40)))
    shop.turn()
    for number in range(15):
        shop.repository().untag(f"1.{number}")
    shop.turn()
    assert shop.frozen() == "shrunken_listing"
    shop.station.take_over(shop.configure(guard={"max_disappeared": 1}))
    shop.turn()
    assert shop.frozen() == ""
    assert shop.metric("tags", mirror="shop", state="in_sync") == 25


def test_a_trigger_does_not_copy_while_a_listing_is_not_believed(shop: House) -> None:
    shop.push("1")
    shop.push("1", name="acme/shop/web")
    shop.turn()
    shop.gitlab.faults.add(answer_with(json_answer([])), path="acme/shop/api/tags/list", times=None)
    shop.turn()
    shop.push("2", name="acme/shop/web")
    shop.daemon.take([Trigger("acme/shop/web", "2")])
    shop.clock.seconds += 3
    shop.daemon.turn()
    assert shop.frozen() == "empty_listing"
    assert "2" not in shop.copied


def test_a_tag_that_the_source_lost_is_pruned_late_and_only_if_it_is_ours(shop: House) -> None:
    shop.station.take_over(shop.configure(prune=True, prune_after="7d", interval="6h"))
    shop.push("1", "2", "theirs")
    shop.turn()
    shop.repository().untag("1")
    shop.repository().untag("theirs")
    moved = shop.mirrored().tags["2"].digest
    shop.mirrored().tag("theirs", moved)
    shop.pass_time(6.5 * DAY)
    assert set(shop.mirrored().tags) == {"1", "2", "theirs"}
    assert shop.metric("tags", mirror="shop", state="in_sync") == 1
    shop.pass_time(DAY)
    assert set(shop.mirrored().tags) == {"2", "theirs"}


def test_without_prune_nothing_is_ever_deleted(shop: House) -> None:
    shop.station.take_over(shop.configure(interval="1d"))
    shop.push("1", "2")
    shop.turn()
    shop.repository().untag("1")
    shop.pass_time(100 * DAY)
    assert set(shop.mirrored().tags) == {"1", "2"}
    assert shop.google.count("DELETE") == 0
    assert list(shop.records()) == ["acme/shop/api:2"], "and is forgotten after some months"


def test_a_tag_that_comes_back_is_not_pruned(shop: House) -> None:
    shop.station.take_over(shop.configure(prune=True, prune_after="2d", interval="6h"))
    shop.push("1", "2")
    shop.turn()
    digest = shop.repository().tags["1"].digest
    shop.repository().untag("1")
    shop.pass_time(1.5 * DAY)
    shop.repository().tag("1", digest)
    shop.pass_time(5 * DAY)
    shop.repository().untag("1")
    shop.pass_time(1.5 * DAY)
    assert "1" in shop.mirrored().tags


def test_a_reload_in_an_outage_is_no_end_of_it_and_its_real_end_is_noticed(shop: House) -> None:
    shop.push("1")
    shop.turn()
    shop.gitlab.pause()
    shop.pass_time(HOUR)
    began = shop.daemon.standing().mirrors[0].frozen
    shop.station.take_over(shop.configure())
    shop.pass_time(HOUR)
    again = shop.daemon.standing().mirrors[0].frozen
    assert began is not None
    assert again is not None
    assert (again.reason, again.since) == ("source_down", began.since)
    shop.push("2")
    shop.gitlab.start()
    shop.pass_time(5 * MINUTE)
    assert shop.frozen() == ""
    assert shop.copied == ["1", "2"]


def test_what_an_earlier_process_said_of_an_outage_does_not_outlive_it(shop: House) -> None:
    shop.push("1")
    shop.gitlab.pause()
    shop.pass_time(HOUR)
    state = shop.daemon.ledger.state
    (registry, mirror) = sorted(state.conditions(), key=lambda one: one.scope, reverse=True)
    assert (registry.scope, mirror.reason) == ("registry", "source_down")
    shop.begin(state)
    shop.pass_time(MINUTE)
    assert state.conditions()[-1].since == registry.since, "it goes on, and began when it began"
    shop.gitlab.start()
    shop.begin(state)
    shop.pass_time(MINUTE)
    assert state.conditions() == []
    assert shop.copied == ["1"]


def test_a_credential_that_is_configured_anew_is_tried(shop: House) -> None:
    shop.push("1")
    shop.token.write_text("wrong")
    shop.pass_time(HOUR)
    assert shop.frozen() == "source_refused"
    shop.gitlab.users = {"mirror": Account("wrong")}
    shop.station.take_over(shop.configure())
    shop.pass_time(MINUTE)
    assert shop.copied == ["1"]
