"""The check of Google's quota, as a configuration calls for it: room, too little of it, or nothing known."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from mirror.bootstrap.checkup import checks
from mirror.checks.check import Check, Finding, run
from mirror.config import load
from tests.servers.command import configuration
from tests.servers.google_cloud import GoogleCloud, keep_on_loopback

PROJECT = "arctic-goal-676703"
GITLAB = {"kind": "gitlab", "host": "registry.gitlab.com"}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleCloud]:
    with GoogleCloud() as cloud:
        keep_on_loopback(monkeypatch, cloud)
        yield cloud


@pytest.fixture
def config(cloud: GoogleCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    (tmp_path / "key.json").write_text(json.dumps(cloud.key()), "utf-8")
    target = {"kind": "google", "host": "eu.gcr.io", "project": PROJECT}
    login = {"credentials": {"json_key_file": "key.json"}}
    return configuration(tmp_path, GITLAB, {**target, **login}, repositories=["acme/api"])


def written(config: Path, change: Mapping[str, Any]) -> None:
    """The configuration with more in it."""
    yaml = YAML(typ="safe")
    yaml.dump(yaml.load(config.read_text("utf-8")) | change, config)


def limited(config: Path, rate: float) -> None:
    written(config, {"limits": {"requests_per_second": rate}})


def obey(config: Path, fix: str) -> None:
    """Write what the fix says, as a person would."""
    name, value = re.match(r"set limits\.(\w+): ([\d.]+) ", fix).groups()  # type: ignore[union-attr] # or fail
    written(config, {"limits": {name: float(value)}})


def the_check(config: Path) -> Check:
    (found,) = [one for one in checks(load(config, {}), {}) if one.name == "to: quota"]
    return replace(found, needs="")


def look(config: Path) -> Finding:
    (finding,) = run([the_check(config)])
    return finding


def test_a_rate_below_half_of_every_limit_is_fine(config: Path) -> None:
    limited(config, 150)
    finding = look(config)
    assert finding.level == "ok"
    assert finding.said == (
        "60,000 requests and 18,000 write requests per minute are granted, how many are used is not told; "
        "the mirror sends at most 9,000"
    )


def test_without_a_rate_the_limits_are_told(config: Path) -> None:
    finding = look(config)
    assert finding.level == "ok"
    assert finding.said.startswith("60,000 requests and 18,000 write requests per minute are granted, ")
    assert finding.said.endswith(
        "limits.requests_per_second is not set: the mirror yields only when Google says 429"
    )


@pytest.mark.finds("quota", "warning", "ok")
def test_a_rate_above_half_of_a_limit_is_a_warning_until_the_fix_is_written(config: Path) -> None:
    limited(config, 151)
    finding = look(config)
    assert (finding.level, finding.fix.partition(" (")[0]) == (
        "warning",
        "set limits.requests_per_second: 150",
    )
    obey(config, finding.fix)
    assert look(config).level == "ok"


@pytest.mark.parametrize(("lowered", "rate"), [("17999", "149"), ("60", "0.5"), ("1", "0.008")])
def test_a_limit_below_googles_own_is_a_warning_until_the_fix_is_written(
    lowered: str, rate: str, cloud: GoogleCloud, config: Path
) -> None:
    cloud.limits_here["write_requests"] = lowered
    finding = look(config)
    assert (finding.level, finding.fix.partition(" (")[0]) == (
        "warning",
        f"set limits.requests_per_second: {rate}",
    )
    obey(config, finding.fix)
    assert look(config).level == "ok"


def test_where_nothing_is_granted_the_fix_is_to_ask_for_it(cloud: GoogleCloud, config: Path) -> None:
    cloud.limits_here["requests"] = "0"
    finding = look(config)
    assert (finding.level, finding.fix) == (
        "warning",
        f"ask for more: https://console.cloud.google.com/iam-admin/quotas?project={PROJECT}",
    )
    cloud.limits_here["requests"] = "60000"
    assert look(config).level == "ok"


def test_registries_of_one_project_and_location_share_the_limit(config: Path) -> None:
    registries = YAML(typ="safe").load(config.read_text("utf-8"))["registries"]
    pkg = {"kind": "google", "project": PROJECT, "repository": "images"}
    same, other = pkg | {"host": "europe-docker.pkg.dev"}, pkg | {"host": "us-docker.pkg.dev"}
    written(config, {"registries": registries | {"same": same, "other": other}})
    limited(config, 150)
    finding = look(config)
    assert (finding.level, "at most 18,000" in finding.said) == ("warning", True)
    obey(config, finding.fix)
    assert ("at most 9,000" in look(config).said, look(config).level) == (True, "ok")


class TestNotKnown:
    """Never a failure: the mirror does its work without."""

    def test_without_the_right_to_read_it(self, cloud: GoogleCloud, config: Path) -> None:
        cloud.denied.add("serviceusage.quotas.get")
        finding = look(config)
        assert (finding.level, finding.said[:10]) == ("ok", "not known:")
        assert "serviceusage.quotas.get" in finding.said

    def test_where_the_api_is_off(self, cloud: GoogleCloud, config: Path) -> None:
        cloud.enabled.remove("serviceusage")
        finding = look(config)
        assert (finding.level, finding.said[:10]) == ("ok", "not known:")
        assert "disabled" in finding.said

    def test_where_the_api_does_not_answer(self, cloud: GoogleCloud, config: Path) -> None:
        cloud.close()
        finding = look(config)
        assert (finding.level, finding.said[:10]) == ("ok", "not known:")

    def test_where_the_host_swallows_packets(self, config: Path) -> None:
        never = threading.Event()

        def hangs() -> list[Finding]:
            never.wait(60)
            return []

        (finding,) = run([replace(the_check(config), diagnose=hangs)], deadline=0.1)
        never.set()
        assert (finding.level, finding.said) == ("ok", "not known: no answer in time")

    def test_where_no_limit_is_one_of_requests(self, cloud: GoogleCloud, config: Path) -> None:
        cloud.limits = {"delete_requests": "6000"}
        finding = look(config)
        assert (finding.level, finding.said) == (
            "ok",
            "not known: Google names no limit of requests per minute",
        )
