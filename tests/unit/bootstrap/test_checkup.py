"""A configuration calls for the checks of its registries, and for no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mirror.bootstrap.checkup import checks
from mirror.config import load
from tests.servers.command import configuration, plain

GITLAB = {"kind": "gitlab", "host": "registry.gitlab.com"}
GOOGLE = {"kind": "google", "host": "eu.gcr.io", "project": "acme-shop"}


@pytest.fixture(autouse=True)
def _no_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))


def names(folder: Path, source: dict[str, Any], target: dict[str, Any], **mirror: Any) -> set[str]:
    rules = {"repositories": ["acme/api", "acme/tools/**"]} | mirror
    return {check.name for check in checks(load(configuration(folder, source, target, **rules), {}), {})}


def test_from_gitlab_to_google(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(json.dumps({}), "utf-8")
    target = GOOGLE | {"credentials": {"json_key_file": "key.json"}}
    assert names(tmp_path, GITLAB, target, prefix="gitlab") == {
        *(
            f"from: {name}"
            for name in (
                "proxy",
                "dns",
                "addresses",
                "answers",
                "login",
                "pull acme/api",
                "tag list",
                "token",
                "blobs",
            )
        ),
        "from: discover acme/tools",
        *(
            f"to: {name}"
            for name in (
                "proxy",
                "dns",
                "addresses",
                "answers",
                "secret file",
                "key",
                "access token",
                "repository",
            )
        ),
        "to: push acme-shop/gitlab/acme/api",
        "to: more rights than needed",
        "to: old bucket",
        "to: quota",
    }


def test_a_gitlab_that_is_pushed_to_is_not_asked_for_that_right(tmp_path: Path) -> None:
    found = names(tmp_path, plain("origin.example.com"), GITLAB, repositories=["acme/api"])
    assert not any("push" in name for name in found)
    assert "from: pull acme/api" in found


def test_a_google_that_is_only_read_from_needs_no_rights(tmp_path: Path) -> None:
    found = names(tmp_path, GOOGLE, plain("copy.example.com"), repositories=["acme/api"])
    assert {name for name in found if name.startswith("from: ")} == {
        f"from: {name}"
        for name in ("proxy", "dns", "addresses", "answers", "login", "pull acme-shop/acme/api")
    }
    assert "to: push acme/api" in found


def test_a_glob_alone_is_tried_at_a_place_of_its_own(tmp_path: Path) -> None:
    found = names(tmp_path, GITLAB, GOOGLE, repositories=["acme/tools/**"])
    assert "to: push acme-shop/acme/tools/gcr-mirror-check" in found
