"""What the daemon must live through, between the embedded registries and between real ones."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from datetime import UTC, datetime

import pytest

from mirror.service.verdict import verdict
from mirror.state.database import Database
from tests.servers.daemons import daemon, passes
from tests.servers.house import DAY, HOUR, MINUTE, House, Household
from tests.servers.process import free_port
from tests.servers.waiting import until


def test_the_source_down_for_twelve_hours_with_two_hundred_tags_waiting(either: Household) -> None:
    shop = either
    shop.push(*(f"old-{number}" for number in range(5)), ago=DAY)
    shop.turn()
    shop.push(*(f"new-{number:03}" for number in range(200)))
    if isinstance(shop, House):
        for number in range(200):
            when = datetime.fromtimestamp(shop.clock.now() - 200 + number, UTC)
            shop.repository().date(f"new-{number:03}", when)
    shop.take_down()
    shop.events.clear()
    shop.pass_time(12 * HOUR)
    assert shop.frozen() == "source_down"
    assert shop.failed == []
    assert shop.metric("registry_up", registry=shop.source_host) == 0
    assert "is down since" in verdict(shop.daemon.standing()).sentence
    assert "all 5 tags can be pulled from" in verdict(shop.daemon.standing()).sentence
    attempts = shop.metric("registry_requests_total", registry=shop.source_host, method="GET", code="none")
    assert attempts < 12 * 60 + 100, "a probe a minute, and no storm"
    ended = sum(
        shop.metric("passes_total", mirror="shop", result=one) for one in ("frozen", "partial", "failed")
    )
    assert ended <= 1
    shop.bring_back()
    shop.pass_time(2 * MINUTE)
    assert shop.frozen() == ""
    assert len(shop.copied) == 200
    if shop.dated:
        newest = {f"new-{number:03}" for number in range(136, 200)}
        assert set(shop.copied[:32]) <= newest, "newest first"
    assert shop.metric("tags", mirror="shop", state="in_sync") == 205
    assert len(shop.pulled()) == 205
    assert shop.failed == []
    assert max(one.copied for one in shop.daemon.ledger.passes("shop", 3)) == 200, "within one pass"


@pytest.mark.parametrize("kills", [pytest.param(50, marks=pytest.mark.slow), 3])
def test_killed_at_any_moment_nothing_is_lost_half_tagged_or_sent_twice(
    either: Household, kills: int
) -> None:
    shop, folder, dice = either, either.folder, random.Random(kills)
    shop.configure(
        service={"listen": f"127.0.0.1:{free_port()}"},
        state={"url": "sqlite:///state.db"},
        interval="1s",
        limits={"images": 4, "blobs": 4},
    )
    tags: list[str] = []
    for _ in range(kills):
        new = [f"1.{len(tags) + number}" for number in range(4)]
        shop.push(*new, size=200_000)
        tags += new
        with daemon(shop.path) as process:
            time.sleep(dice.uniform(0.6, 2.0))
            process.send_signal(signal.SIGKILL)
        shop.pulled()
    tags.append("last")  # the process that was killed last may have copied all that it knew of
    shop.push("last")
    with daemon(shop.path) as process:
        until(lambda: ("ok", len(tags)) in passes(folder), 60)
        assert shop.pulled() == set(tags)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert {digest: count for digest, count in shop.sent().items() if count > 1} == {}
    with sqlite3.connect(folder / "state.db") as state:
        assert state.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        in_step = "SELECT count(*) FROM tags WHERE source_digest = target_digest"
        assert state.execute(in_step).fetchone() == (len(tags),)
    state.close()


def test_a_state_file_that_is_deleted_is_rebuilt_and_nothing_is_copied_again(either: Household) -> None:
    shop, file = either, either.folder / "state.db"
    shop.begin(Database(f"sqlite:///{file}"))
    shop.push("1", "2")
    shop.turn()
    before = {name: (one.source_digest, one.target_digest) for name, one in shop.records().items()}
    shop.daemon.ledger.state.close()
    file.unlink()
    sent = shop.sent()
    shop.begin(Database(f"sqlite:///{file}"))
    assert shop.records() == {}
    shop.turn()
    assert sorted(shop.copied) == ["1", "2"]
    assert shop.sent() == sent
    after = {name: (one.source_digest, one.target_digest) for name, one in shop.records().items()}
    assert after == before
    shop.daemon.ledger.state.close()
