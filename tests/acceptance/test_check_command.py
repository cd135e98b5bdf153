"""`gcr-mirror check` as a user runs it, against the registries of the demo."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mirror.demo.stage import stage
from tests.servers.command import gcr_mirror


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    with stage(tmp_path / "stage") as config:
        yield config


# The program as it was installed beside the Python that runs the tests.
_ENV = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}


def _fix(out: str) -> str:
    """The command of the first fix that was printed."""
    line = next(line for line in out.splitlines() if line.startswith("     fix:   "))
    return line.partition("fix:   ")[2].rpartition("then: ")[2]


def check(config: Path, *options: str) -> tuple[int, str, str]:
    ran = gcr_mirror("check", "-c", config, *options, env={"COLUMNS": "200"}, home=config.parent)
    return ran.code, ran.out, ran.err


def findings(config: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """By check; of several findings of one check, the worst."""
    status, out, _ = check(config, "--json")
    found: dict[str, dict[str, Any]] = {}
    for one in sorted(
        json.loads(out)["findings"], key=lambda one: ("ok", "warning", "failed").index(one["level"])
    ):
        found[one["check"]] = one
    return status, found


def test_the_demo_passes(config: Path) -> None:
    status, found = findings(config)
    troubles = {name: one for name, one in found.items() if one["level"] == "failed"}
    assert troubles == {}
    assert status == 0
    assert {"configuration", "gitlab: answers", "gitlab: login", "gitlab: blobs", "google: key"} <= set(found)
    assert any(name.startswith("google: push ") for name in found)


def test_a_broken_configuration_is_a_finding_for_each_mistake_also_as_json(config: Path) -> None:
    good = config.read_text("utf-8")
    config.write_text(good.replace("host:", "hots:", 1) + "\nlimits: {images: 0}\n", "utf-8")
    lines = config.read_text("utf-8").splitlines()
    status, out, err = check(config, "--json")
    told = json.loads(out)
    assert (status, told["failed"], told["ok"], err) == (2, len(told["findings"]), 0, "")
    said = [one["said"] for one in told["findings"]]
    misspelt = next(number for number, line in enumerate(lines, 1) if "hots:" in line)
    assert any(one.startswith(f"{config}:{misspelt}: ") for one in said)
    assert any(one.startswith(f"{config}:{len(lines)}: limits.images") for one in said)
    assert {one["check"] for one in told["findings"]} == {"configuration"}
    status, out, err = check(config)
    assert (status, err) == (2, "")
    assert f"FAIL configuration: {config}:{misspelt}: " in out
    assert subprocess.run(["sh", "-c", _fix(out)], check=False, env=_ENV).returncode == 2
    config.write_text(good, "utf-8")
    subprocess.run(["sh", "-c", _fix(out)], check=True, env=_ENV)
    assert findings(config)[1]["configuration"]["level"] == "ok"


def test_a_configuration_that_is_not_there_is_a_finding_too(tmp_path: Path) -> None:
    status, found = findings(tmp_path / "none.yaml")
    assert (status, found["configuration"]["level"]) == (2, "failed")


def test_a_wrong_password_fails_with_a_fix_on_one_line_and_no_secret(config: Path) -> None:
    token = config.parent / "gitlab-token"
    good = token.read_text("utf-8")
    token.write_text("glpat-not-this-one", "utf-8")
    status, out, err = check(config)
    assert status == 1
    (trouble,) = [line for line in out.splitlines() if line.startswith("FAIL gitlab: login: ")]
    fix = out.splitlines()[out.splitlines().index(trouble) + 3]
    assert fix.strip().startswith('fix:   curl --request POST --header "PRIVATE-TOKEN: $GITLAB_TOKEN" ')
    assert fix.endswith(f"_tokens | jq -er .token >{token}")
    assert "not-this-one" not in out + err
    token.write_text(good, "utf-8")
    assert findings(config)[0] == 0


def test_a_secret_that_everybody_may_read_is_a_warning(config: Path) -> None:
    (config.parent / "google-key.json").chmod(0o644)
    status, found = findings(config)
    assert status == 0
    assert found["google: secret file"]["level"] == "warning"
    subprocess.run(["sh", "-c", found["google: secret file"]["fix"]], check=True)
    assert findings(config)[1]["google: secret file"]["level"] == "ok"


def test_a_key_that_is_cut_fails_and_hides_nothing_else(config: Path) -> None:
    key = config.parent / "google-key.json"
    key.write_text(key.read_text("utf-8")[:300], "utf-8")
    status, found = findings(config)
    assert status == 1
    assert found["google: key"]["level"] == "failed"
    assert found["gitlab: login"]["level"] == "ok"


def test_a_registry_that_is_not_there_is_one_trouble_and_not_ten(config: Path) -> None:
    text = config.read_text("utf-8")
    host = next(line.split(": ")[1] for line in text.splitlines() if line.strip().startswith("host:"))
    config.write_text(text.replace(f"host: {host}", "host: 127.0.0.1:1"), "utf-8")
    status, found = findings(config)
    assert status == 1
    failed = [name for name, one in found.items() if one["level"] == "failed"]
    assert failed[0] == "gitlab: answers"
    assert not any(name.startswith(("gitlab: login", "gitlab: pull", "gitlab: blobs")) for name in found)
