"""Days, kills and thousands of tags: nothing grows, nothing is lost, nothing is sent twice."""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from mirror.demo import images
from mirror.demo.faults import unavailable
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.state.database import Database
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


@pytest.mark.parametrize("kills", [pytest.param(50, marks=pytest.mark.slow), 5])
def test_killed_at_any_moment_nothing_is_lost_half_tagged_or_sent_twice(tmp_path: Path, kills: int) -> None:
    dice = random.Random(kills)
    with GitLabRegistry(tmp_path / "gitlab") as gitlab, GoogleRegistry(tmp_path / "google") as google:
        shop = House(tmp_path, gitlab, google)
        shop.configure(
            service={"listen": f"127.0.0.1:{free_port()}"},
            state={"url": "sqlite:///state.db"},
            interval="1s",
            limits={"images": 4, "blobs": 4},
        )
        tags = []
        for _ in range(kills):
            for _number in range(4):
                tags.append(f"1.{len(tags)}")
                image = images.image(f"api {tags[-1]}", [images.layer(f"layer {tags[-1]}", 200_000)])
                image.store(shop.repository(), tags[-1])
            with _daemon(shop) as process:
                time.sleep(dice.uniform(0.6, 2.0))
                process.send_signal(signal.SIGKILL)
            _nothing_is_half_done(shop)
        with _daemon(shop) as process:
            until(lambda: ("ok", len(tags)) in _passes(tmp_path), 60)
            assert set(shop.mirrored().tags) == set(tags)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        _nothing_is_half_done(shop)
        sent = Counter(
            seen.query["digest"][0]
            for seen in google.requests
            if seen.method in {"PUT", "POST"} and seen.status == 201 and "digest" in seen.query
        )
        assert {digest: count for digest, count in sent.items() if count > 1} == {}
        with sqlite3.connect(tmp_path / "state.db") as state:
            assert state.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert state.execute(
                "SELECT count(*) FROM tags WHERE source_digest = target_digest"
            ).fetchone() == (len(tags),)
        state.close()


def _daemon(shop: House) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "mirror", "run", "-c", str(shop.path)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(argv, stdout=quiet, stderr=quiet)


def _nothing_is_half_done(shop: House) -> None:
    """Every tag at the target names a manifest whose blobs are all there, byte for byte the source's."""
    mirrored = shop.mirrored()
    for tag, tagged in mirrored.tags.items():
        stored = mirrored.manifests[tagged.digest]
        assert stored.manifest is not None
        assert tagged.digest == shop.repository().tags[tag].digest
        assert all(mirrored.has(blob.digest) for blob in stored.manifest.blobs)


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
        with _daemon(shop) as process:
            try:
                until(lambda: _passes(tmp_path) == [("ok", count)], 60)
                time.sleep(1.5)
                resident, began = _usage(process.pid)
                time.sleep(3)
                used = _usage(process.pid)[1] - began
            finally:
                process.terminate()
        assert resident < 100 * 1024
        assert used <= 0.03 + 0.01, "one per cent of three seconds, and the clock's grain"


def _passes(folder: Path) -> list[tuple[str, int]]:
    try:
        with sqlite3.connect(f"file:{folder}/state.db?mode=ro", uri=True) as state:
            found = state.execute("SELECT result, unchanged FROM passes WHERE ended IS NOT NULL").fetchall()
        state.close()
    except sqlite3.OperationalError:
        return []
    return found


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
