"""The real Prometheus and Alertmanager: the source is killed, the alert arrives; it is back, the alert resolves."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from mirror.bootstrap.station import Station, open_ledger
from mirror.config import load
from mirror.service.daemon import Daemon
from mirror.service.server import Server
from mirror.service.web import create_app
from mirror.transport.breaker import Endurance
from mirror.transport.clock import Clock
from tests.servers.present import require
from tests.servers.process import Process, free_port
from tests.servers.real_house import RealHouse
from tests.servers.registry import Registries
from tests.servers.waiting import until

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "rules.yaml"


class Receiver(HTTPServer):
    """Takes what Alertmanager sends."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.alerts: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.alerts += json.loads(body)["alerts"]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.shutdown()
    server.server_close()


def test_the_alert_of_an_outage_reaches_a_receiver_and_resolves(
    registries: Registries, receiver: Receiver, tmp_path: Path
) -> None:
    require("prometheus")
    require("prometheus-alertmanager")
    shop = RealHouse(tmp_path, registries(), registries())
    shop.push("1", "2")
    shop.configure(interval="1s")
    config = load(shop.path, {})
    station = Station(
        config, open_ledger(config, print), {}, clock=Clock(), endurance=Endurance(first=0.5, longest=1.0)
    )
    running = threading.Thread(target=station.daemon.run, args=(lambda: None,))
    running.start()
    web = Server(create_app(station.daemon), "127.0.0.1:0")
    alertmanager, prometheus = _start(tmp_path, web.port, receiver.server_port)

    def states() -> list[str]:
        return [
            one["status"] for one in receiver.alerts if one["labels"]["alertname"] == "SourceRegistryDown"
        ]

    try:
        until(lambda: station.daemon.standing().in_sync == 2)
        shop.take_down()
        until(lambda: "firing" in states())
        told = next(one for one in receiver.alerts if one["labels"]["alertname"] == "SourceRegistryDown")
        assert told["annotations"]["summary"] == "The source of shop is down"
        assert told["annotations"]["runbook"] == "docs/runbooks/SourceRegistryDown.md"
        assert told["labels"]["severity"] == "critical"
        shop.bring_back()
        until(lambda: states()[-1] == "resolved")
        assert station.daemon.standing().in_sync == 2
    finally:
        prometheus.stop()
        alertmanager.stop()
        web.stop()
        _stop(station.daemon)
        running.join(10)
    # Before the first scrape there is no metric at all.
    assert {one["labels"]["alertname"] for one in receiver.alerts} - {"MirrorDown"} == {"SourceRegistryDown"}


def _stop(daemon: Daemon) -> None:
    daemon.stop()
    assert daemon.join(10)


def _start(folder: Path, web: int, receiver: int) -> tuple[Process, Process]:
    alerts, port = free_port(), free_port()
    (folder / "rules.yaml").write_text(re.sub(r"for: \S+", "for: 1s", RULES.read_text()))
    hook = {"url": f"http://127.0.0.1:{receiver}/", "send_resolved": True}
    route = {"receiver": "test", "group_wait": "0s", "group_interval": "1s", "group_by": ["..."]}
    _write(
        folder / "alertmanager.yaml",
        {"route": route, "receivers": [{"name": "test", "webhook_configs": [hook]}]},
    )
    scrape = {"job_name": "gcr-mirror", "static_configs": [{"targets": [f"127.0.0.1:{web}"]}]}
    manager = {"static_configs": [{"targets": [f"127.0.0.1:{alerts}"]}]}
    settings = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [scrape],
        "alerting": {"alertmanagers": [manager]},
    }
    _write(folder / "prometheus.yaml", settings)
    first = _process(
        folder / "am",
        "prometheus-alertmanager",
        f"--config.file={folder}/alertmanager.yaml",
        f"--storage.path={folder}/am/data",
        f"--web.listen-address=127.0.0.1:{alerts}",
        "--cluster.listen-address=",
    )
    second = _process(
        folder / "prom",
        "prometheus",
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/prom/data",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    second.wait_for("Server is ready to receive web requests")
    return first, second


def _process(folder: Path, program: str, *args: str) -> Process:
    folder.mkdir()
    return Process([require(program), *args], folder)


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values))  # JSON is YAML
