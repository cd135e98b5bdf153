"""`gcr-mirror config` as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"


def run(*args: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mirror", "config", *args],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_good_configuration_is_called_ok() -> None:
    done = run("check", "-c", EXAMPLE, "--without-secrets")
    assert (done.returncode, done.stderr) == (0, "")
    assert "ok, registries: 5, mirrors: 2" in done.stdout


def test_every_mistake_is_a_line_of_its_own_that_begins_with_the_place(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    text = EXAMPLE.read_text(encoding="utf-8")
    bad = text.replace("password_file: /run", "password: hunter2 # /run").replace(
        "interval: 5m", "interval: soon"
    )
    file.write_text(bad, encoding="utf-8")
    done = run("check", "-c", file)
    assert (done.returncode, done.stdout) == (2, "")
    lines = [number for number, line in enumerate(bad.splitlines(), 1) if "hunter2" in line or "soon" in line]
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [
        f"{file}:{number}" for number in lines
    ]
    assert "hunter2" not in done.stderr


def test_the_file_may_be_named_by_the_environment() -> None:
    assert run("check", "--without-secrets", GCR_MIRROR_CONFIG=str(EXAMPLE)).returncode == 0
    missing = run("check", GCR_MIRROR_CONFIG="/nowhere/config.yaml")
    assert missing.returncode == 2
    assert "/nowhere/config.yaml: there is no such file" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_the_schema_that_is_printed_is_the_one_that_editors_read() -> None:
    schema = ROOT / "docs" / "reference" / "config.schema.json"
    assert run("schema").stdout == schema.read_text(encoding="utf-8")
