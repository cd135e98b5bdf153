"""Alerts and dashboard: each rule is tested, has its runbook, and speaks of metrics that there are."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.servers.present import require

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"
METRIC = re.compile(r"\bgcr_mirror_\w+")
ASKED_FOR = {
    *(
        "MirrorDown",
        "MirrorLagging",
        "MirrorStale",
        "MirrorFrozen",
        "SourceRegistryDown",
        "TargetRegistryDown",
    ),
    *(
        "CopiesFailing",
        "DigestMismatch",
        "DeadLetters",
        "CredentialExpiring",
        "CredentialRefused",
        "RateLimited",
    ),
}


def rules() -> list[dict[str, Any]]:
    (group,) = YAML(typ="safe").load(RULES.read_text())["groups"]
    return list(group["rules"])


def documented() -> set[str]:
    found = set()
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    for name, kind in re.findall(r"^\| `(gcr_mirror_\w+)` \| (\w+)", page, re.MULTILINE):
        endings = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        found |= {name + ending for ending in endings}
    return found


def test_every_alert_that_is_promised_is_there() -> None:
    assert {rule["alert"] for rule in rules()} == ASKED_FOR


def test_promtool_accepts_the_rules_and_their_tests_pass() -> None:
    promtool = require("promtool")
    subprocess.run([promtool, "check", "rules", RULES], check=True, capture_output=True, timeout=60)
    done = subprocess.run(
        [promtool, "test", "rules", RULES.with_name("rules_test.yaml")],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_both_firing_and_quiet() -> None:
    tested: dict[str, set[bool]] = {}
    for case in YAML(typ="safe").load(RULES.with_name("rules_test.yaml").read_text())["tests"]:
        for one in case["alert_rule_test"]:
            tested.setdefault(one["alertname"], set()).add(bool(one["exp_alerts"]))
    assert tested == {name: {True, False} for name in ASKED_FOR}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_alert_has_a_runbook_a_severity_and_a_sentence(rule: dict[str, Any]) -> None:
    book = ROOT / rule["annotations"]["runbook"]
    assert book.name == f"{rule['alert']}.md"
    assert book.read_text().startswith(f"# {rule['alert']}\n")
    assert "## Do\n\n1. " in book.read_text()
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"]


def test_no_runbook_is_without_its_alert() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert pages == {*ASKED_FOR, "README", "gitlab-registry-down"}


def test_alerts_and_dashboard_speak_only_of_metrics_that_there_are() -> None:
    used = {name for rule in rules() for name in METRIC.findall(rule["expr"])}
    used |= set(METRIC.findall(DASHBOARD.read_text()))
    assert used - documented() == set()


def test_the_dashboard_shows_what_it_is_for() -> None:
    board = json.loads(DASHBOARD.read_text())
    shown = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    for name in ("lag_seconds", "tags", "bytes_copied", "copy_failures", "registry_requests", "registry_up"):
        assert f"gcr_mirror_{name}" in shown
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(places) == len(set(places))
