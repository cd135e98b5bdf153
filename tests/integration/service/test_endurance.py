"""Days of passes and thousands of tags: nothing grows."""

from __future__ import annotations

import gc
import json
import os
import threading
import time
from pathlib import Path

import pytest

from mirror.demo import images
from mirror.demo.faults import unavailable
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.state.database import Database
from tests.servers.daemons import daemon, passes
from tests.servers.house import HOUR, House
from tests.servers.process import free_port
from tests.servers.waiting import until


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("hours", [pytest.param(24, marks=pytest.mark.slow), 3])
def test_hours_of_passes_outages_and_pushes_leave_nothing_behind(
    shop: House, tmp_path: Path, hours: int
) -> None:
    shop.begin(Database(f"sqlite:///{tmp_path}/state.db"))
    shop.push(*(f"1.{number}" for number in range(50)))
    shop.pass_time(HOUR / 2)
    gc.collect()
    shop.events.clear()
    before = (threading.active_count(), open_files(), len(shop.daemon.ledger.records()))
    objects = len(gc.get_objects())
    for hour in range(hours):
        shop.push(f"1.{hour % 50}", name="acme/shop/web")
        fault = shop.google.faults.add(unavailable(), path="/v2/", times=20)
        shop.pass_time(HOUR)
        shop.google.faults.remove(fault)
        shop.gitlab.forget()
        shop.google.forget()
        shop.events.clear()
    gc.collect()
    after = (threading.active_count(), open_files())
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + 8
    assert len(gc.get_objects()) < objects * 1.05 + 5000
    assert len(shop.daemon.ledger.passes("shop", 10_000)) <= 100
    shop.daemon.ledger.state.close()


@pytest.mark.parametrize("count", [pytest.param(10_000, marks=pytest.mark.slow), 1000])
def test_an_idle_daemon_is_small_and_still(tmp_path: Path, count: int) -> None:
    with GitLabRegistry(tmp_path / "gitlab") as gitlab, GoogleRegistry(tmp_path / "google") as google:
        shop = House(tmp_path, gitlab, google)
        shop.configure(
            service={"listen": f"127.0.0.1:{free_port()}"}, state={"url": "sqlite:///state.db"}, interval="1h"
        )
        for number in range(count // 100):
            image = images.image(f"image {number}", size=500)
            tags = [f"1.{tag}" for tag in range(100)]
            image.store(shop.repository(f"acme/shop/r{number}"), *tags)
            image.store(shop.mirrored(f"acme/shop/r{number}"), *tags)
        with daemon(shop.path) as process:
            try:
                until(lambda: passes(tmp_path) == [("ok", count)], 60)
                time.sleep(1.5)
                resident, began = _usage(process.pid)
                time.sleep(3)
                used = _usage(process.pid)[1] - began
            finally:
                process.terminate()
        assert resident < 100 * 1024
        assert used <= 0.03 + 0.01, "one per cent of three seconds, and the clock's grain"


def _usage(pid: int) -> tuple[int, float]:
    """Resident kibibytes, and seconds of CPU."""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return int(status.split("VmRSS:")[1].split()[0]), (int(fields[11]) + int(fields[12])) / ticks


def test_the_state_is_read_while_it_is_written(shop: House, tmp_path: Path) -> None:
    shop.begin(Database(f"sqlite:///{tmp_path}/state.db"))
    shop.push("1")
    shop.turn()
    other = Database(f"sqlite:///{tmp_path}/state.db")
    assert [record.key.tag for record in other.tags()] == ["1"]
    assert json.dumps([record.result for record in other.passes()]) == '["ok"]'
    other.close()
    shop.daemon.ledger.state.close()
