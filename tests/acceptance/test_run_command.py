"""`gcr-mirror run`, `status` and `retry` as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from mirror.demo.faults import call, hang
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from tests.servers.house import House
from tests.servers.process import free_port

SECRET = "hook-secret-value"


class Running:
    """A daemon that runs as a process of its own."""

    def __init__(self, config: Path, port: int) -> None:
        self.config = config
        self.url = f"http://127.0.0.1:{port}"
        self.log = config.parent / "log"
        self.http = urllib3.PoolManager(retries=False, timeout=5)
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "mirror", "run", "-c", str(config)]
            self.process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, env=environment())

    def get(self, path: str) -> tuple[int, str]:
        answer = self.http.request("GET", self.url + path)
        return answer.status, answer.data.decode()

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.get("/api/v1/status")[1]))

    def until(self, met: Callable[[], object], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if met():
                    return
            except (urllib3.exceptions.HTTPError, KeyError, ValueError):
                pass
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def stay(self, so: Callable[[], object], seconds: float = 1.5) -> None:
        """So it is, and so it stays for longer than the daemon takes to look at its files."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert so()
            time.sleep(0.1)

    def until_in_step(self, count: int) -> None:
        self.until(lambda: self.status()["tags"] == {"total": count, "in_sync": count})

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONWARNINGS": "error"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[House]:
    with GitLabRegistry(tmp_path / "gitlab") as gitlab, GoogleRegistry(tmp_path / "google") as google:
        yield House(tmp_path, gitlab, google)


@contextmanager
def running(shop: House, **keys: Any) -> Iterator[Running]:
    port = free_port()
    shop.clock.skew = time.time() - shop.clock.now()
    (shop.folder / "hook").write_text(SECRET)
    service = {"listen": f"127.0.0.1:{port}", "hook_secret_file": "hook", "grace": "5s"}
    shop.configure(**{"service": service, "state": {"url": "sqlite:///state.db"}, **keys})
    daemon = Running(shop.path, port)
    try:
        yield daemon
    finally:
        daemon.process.kill()
        daemon.process.wait()
        daemon.http.clear()


def command(shop: House, *args: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "mirror", args[0], "-c", str(shop.path), *args[1:]]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=environment())


def test_it_mirrors_answers_logs_and_stops_with_zero(shop: House) -> None:
    shop.push("1", "2")
    with running(shop) as daemon:
        daemon.until_in_step(2)
        assert daemon.get("/healthz") == (200, "ok\n")
        assert daemon.get("/readyz") == (200, "ok\n")
        assert 'gcr_mirror_images_copied_total{mirror="shop"} 2.0' in daemon.get("/metrics")[1]
        assert daemon.stop() == 0
        lines = daemon.lines()
    copied = [line for line in lines if line["message"] == "copied"]
    assert len(copied) == 2
    assert {"severity", "reference", "digest", "bytes", "seconds", "attempt"} <= copied[0].keys()
    assert lines[-1]["message"] == "stopped"
    text = daemon.log.read_text()
    for secret in (SECRET, "glpat", "PRIVATE KEY", "eyJ", "Bearer", "Basic"):
        assert secret not in text


def test_a_refusal_is_logged_with_its_cause_and_the_command_that_mends_it(shop: House) -> None:
    shop.push("1")
    shop.google.actions = frozenset({"pull"})
    with running(shop) as daemon:
        daemon.until(lambda: "uploadArtifacts" in daemon.log.read_text())
        daemon.stop()
        failed = next(line for line in daemon.lines() if "uploadArtifacts" in line.get("cause", ""))
    assert failed["message"] == "failed"
    assert failed["explanation"].startswith("The service account may not push to ")
    assert failed["fix"].startswith("gcloud artifacts repositories add-iam-policy-binding ")
    assert f" --project={shop.google.project} " in failed["fix"]


def test_status_and_retry_work_with_the_daemon_stopped(shop: House) -> None:
    shop.push("1")
    schema1 = "application/vnd.docker.distribution.manifest.v1+json"
    shop.repository().put(b'{"schemaVersion": 1}', schema1, "bad")
    with running(shop, retries={"dead_after": 1}) as daemon:
        daemon.until(
            lambda: "bad" in str(daemon.status()["behind"]) and daemon.status()["behind"][0]["attempts"]
        )
        daemon.stop()
    shown = command(shop, "status")
    assert shown.returncode == 1
    assert shown.stdout.startswith("1 tag fails to be copied; 1 of 2 tags can be pulled from Google")
    assert "acme/shop/api:bad  dead  given up after 1 tries" in shown.stdout
    parsed = json.loads(command(shop, "status", "--json").stdout)
    assert parsed["mirrors"][0]["tags"] == {"in_sync": 1, "pending": 0, "failed": 0, "dead": 1}
    assert [one["up"] for one in parsed["registries"]] == [True, True]
    assert command(shop, "retry", "nothing/**").stderr == "0 to be tried again\n"
    refused = command(shop, "retry", "acme/[")
    assert (refused.returncode, refused.stderr) == (2, "gcr-mirror: 'acme/[' has a '[' without its ']'\n")
    retried = command(shop, "retry", "acme/**:bad")
    assert (retried.stdout, retried.stderr) == ("acme/shop/api:bad\n", "1 to be tried again\n")
    assert json.loads(command(shop, "status", "--json").stdout)["mirrors"][0]["tags"]["pending"] == 1


def test_status_says_what_prune_will_delete_before_it_does(shop: House) -> None:
    shop.push("1", "2", "3")
    with running(shop, prune=True, prune_after="7d", interval="1s") as daemon:
        daemon.until_in_step(3)
        shop.repository().untag("2")
        daemon.until_in_step(2)
        doomed = daemon.status()["to_be_deleted"]
        daemon.stop()
    name = f"{shop.google.host}/{shop.google.project}/acme/shop/api:2"
    assert [one["target"] for one in doomed] == [name]
    assert f"{name}  in 6 d 23 h" in command(shop, "status").stdout
    before = {file.name: file.read_bytes() for file in shop.folder.glob("state.db*")}
    shown = command(shop, "sync", "--dry-run").stdout.splitlines()
    assert shown[1:] == [
        "shop: prune will delete, because the source no longer has them:",
        f"  {name}  in 6 d 23 h",
    ]
    (mirror,) = json.loads(command(shop, "sync", "--dry-run", "--json").stdout)["mirrors"]
    assert mirror["to_be_deleted"] == doomed
    assert {file.name: file.read_bytes() for file in shop.folder.glob("state.db*")} == before, "only read"
    assert set(shop.mirrored().tags) == {"1", "2", "3"}


def test_a_hook_with_the_secret_brings_a_new_tag_within_seconds(shop: House) -> None:
    shop.push("1")
    with running(shop, interval="1h") as daemon:
        daemon.until_in_step(1)
        shop.push("2")
        body = json.dumps({"repository": f"{shop.gitlab.host}/acme/shop/api", "tag": "2"}).encode()
        hook = f"{daemon.url}/hooks/ci"
        assert daemon.http.request("POST", hook, body=body).status == 401
        answer = daemon.http.request("POST", hook, body=body, headers={"Authorization": f"Bearer {SECRET}"})
        assert json.loads(answer.data) == {"mirrors": 1, "triggers": 1}
        daemon.until_in_step(2)


def test_a_changed_configuration_is_taken_over_and_a_bad_one_is_not(shop: House) -> None:
    shop.push("1")
    shop.push("1", name="acme/tools/x")
    with running(shop, interval="1h") as daemon:
        daemon.until_in_step(1)
        good = shop.path.read_text()
        shop.path.write_text(good.replace("acme/shop/**", "acme/shop/["))
        daemon.until(lambda: "gcr_mirror_config_reload_success 0.0" in daemon.get("/metrics")[1])
        assert daemon.status()["tags"] == {"total": 1, "in_sync": 1}
        shop.path.write_text(good.replace("acme/shop/**", "acme/tools/**"))
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until(lambda: "acme/tools/x" in daemon.get("/api/v1/tags")[1])
        assert "gcr_mirror_config_reload_success 1.0" in daemon.get("/metrics")[1]
        assert any("the old one stays" in line["message"] for line in daemon.lines())
        assert daemon.stop() == 0


def test_a_hangup_loads_what_watching_does_not_notice_and_a_mistake_stays_out(shop: House) -> None:
    """A file that is gone, or that did not change, is no change of it: only the signal says to look."""
    shop.push("1")
    with running(shop, interval="1h") as daemon:
        daemon.until_in_step(1)
        aside = shop.path.rename(shop.folder / "aside.yaml")
        daemon.stay(lambda: "configuration" not in daemon.log.read_text())
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until(lambda: "gcr_mirror_config_reload_success 0.0" in daemon.get("/metrics")[1])
        (refused,) = (line for line in daemon.lines() if "the old one stays" in line["message"])
        assert str(shop.path) in refused["cause"]
        assert daemon.status()["tags"] == {"total": 1, "in_sync": 1}
        aside.rename(shop.path)
        shop.push("2")
        daemon.stay(lambda: daemon.status()["tags"]["total"] == 1)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until_in_step(2)
        assert "gcr_mirror_config_reload_success 1.0" in daemon.get("/metrics")[1]
        assert daemon.stop() == 0


def test_a_damaged_state_is_set_aside_and_nothing_is_copied_again(shop: House) -> None:
    shop.push("1", "2")
    with running(shop) as daemon:
        daemon.until_in_step(2)
        daemon.stop()
    state = shop.folder / "state.db"
    state.write_bytes(b"rubbish" * 1000)
    for rest in ("state.db-wal", "state.db-shm"):
        (shop.folder / rest).unlink(missing_ok=True)
    shop.google.forget()
    with running(shop) as daemon:
        daemon.until_in_step(2)
        assert daemon.get("/readyz")[0] == 200
        daemon.stop()
    assert shop.google.count("PUT|POST|PATCH") == 0
    assert len(list(shop.folder.glob("state.db.damaged-*"))) == 1
    assert any("is damaged" in line["message"] for line in daemon.lines())


def test_a_state_that_is_deleted_while_it_runs_is_written_anew(shop: House) -> None:
    shop.push("1", "2")
    with running(shop, interval="1h") as daemon:
        daemon.until_in_step(2)
        for file in shop.folder.glob("state.db*"):
            file.unlink()
        daemon.until(lambda: (shop.folder / "state.db").exists() and "open again" in daemon.log.read_text())
        assert daemon.stop() == 0
    assert json.loads(command(shop, "status", "--json").stdout)["tags"] == {"total": 2, "in_sync": 2}


def test_a_state_that_is_locked_is_waited_for_while_the_work_goes_on(shop: House) -> None:
    shop.push("1")
    with running(shop) as daemon:
        daemon.until_in_step(1)
        daemon.stop()
    other = sqlite3.connect(shop.folder / "state.db", isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    shop.push("2")
    with running(shop) as daemon:
        daemon.until_in_step(2)
        code, words = daemon.get("/readyz")
        assert (code, "in use by another process" in words) == (503, True)
        assert daemon.get("/healthz")[0] == 200
        other.close()
        daemon.until(lambda: daemon.get("/readyz")[0] == 200)
        daemon.stop()
    assert json.loads(command(shop, "status", "--json").stdout)["tags"] == {"total": 2, "in_sync": 2}


def test_copies_that_run_get_the_grace_period_and_no_new_ones_begin(shop: House) -> None:
    shop.push(*(str(number) for number in range(6)))
    slow = call(lambda: shop.google.stopping.wait(2))
    gate = shop.google.faults.add(slow, "PUT", "/manifests/", times=None)
    with running(shop, limits={"images": 1}) as daemon:
        daemon.until(lambda: shop.google.faults.happened(gate) > 0)
        assert daemon.stop() == 0
        told = [line["message"] for line in daemon.lines()]
    assert told.count("copied") == 1, "what ran was ended and told, and nothing else began"
    assert len(shop.mirrored().tags) == 1


def test_a_second_signal_ends_at_once(shop: House) -> None:
    shop.push("1")
    gate = shop.google.faults.add(hang(shop.google.stopping, 60), "PUT", "/manifests/", times=None)
    with running(shop, service={"listen": f"127.0.0.1:{free_port()}", "grace": "10m"}) as daemon:
        daemon.until(lambda: shop.google.faults.happened(gate) > 0)
        daemon.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(5) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"service": {"listen": "nowhere"}}, "service.listen"),
        ({"state": {"url": "mysql://x"}}, "state.url"),
        ({"guard": {"max_disappeared": 2}}, "guard.max_disappeared"),
        ({"service": {"hook_secret_file": "missing"}}, "missing"),
    ],
)
def test_a_bad_configuration_is_said_with_exit_code_two(
    shop: House, keys: dict[str, Any], words: str
) -> None:
    text = json.loads(shop.path.read_text())
    shop.path.write_text(json.dumps({**text, **keys}))
    done = command(shop, "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_status_without_a_state_says_that_no_pass_was_made_and_makes_none(shop: House) -> None:
    before = set(shop.folder.iterdir())
    done = command(shop, "status")
    assert done.returncode == 1
    assert "The first pass has not ended yet (shop)." in done.stdout
    shown = json.loads(command(shop, "status", "--json").stdout)
    assert [one["up"] for one in shown["registries"]] == [None, None]
    assert command(shop, "retry").stderr == "0 to be tried again\n"
    assert set(shop.folder.iterdir()) == before


def test_a_dry_run_reads_the_state_of_those_that_prune_and_makes_none(shop: House) -> None:
    shop.push("1")
    shop.configure(state={"url": "sqlite:///state.db"})
    (mirror,) = json.loads(command(shop, "sync", "--dry-run", "--json").stdout)["mirrors"]
    assert mirror["to_be_deleted"] == []
    assert len(command(shop, "sync", "--dry-run").stdout.splitlines()) == 1, "nothing of prune, which is off"
    shop.configure(state={"url": "sqlite:///state.db"}, prune=True)
    shown = command(shop, "sync", "--dry-run").stdout.splitlines()
    assert shown[1:] == ["shop: prune would delete nothing: there is no state yet that remembers its copies"]
    assert list(shop.folder.glob("state.db*")) == []
    (shop.folder / "state.db").write_text("rubbish" * 1000)
    done = command(shop, "sync", "--dry-run")
    assert done.returncode == 0
    assert "shop: what prune would delete is not known: the state" in done.stdout
    assert "is damaged; move the file away" in done.stdout
    (mirror,) = json.loads(command(shop, "sync", "--dry-run", "--json").stdout)["mirrors"]
    assert mirror["to_be_deleted"] is None
