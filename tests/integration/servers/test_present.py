"""What happens when a server is not installed."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.servers.containerd import Containerd
from tests.servers.engine import Engine
from tests.servers.present import require


def test_a_missing_server_skips_with_the_name_of_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(
        pytest.skip.Exception, match="htpasswd is not installed: apt-get install apache2-utils"
    ):
        require("htpasswd")


def test_a_missing_server_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(pytest.fail.Exception, match="apt-get install docker-registry"):
        require("docker-registry")


@pytest.mark.parametrize("start", [Containerd, Engine], ids=["containerd", "dockerd"])
@pytest.mark.parametrize(
    ("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)], ids=["ci", "elsewhere"]
)
def test_a_server_that_needs_root_fails_in_ci_without_it(
    monkeypatch: pytest.MonkeyPatch, start: Callable[[], object], ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(outcome, match="needs root"):
        start()


def test_an_empty_ci_variable_is_not_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(pytest.skip.Exception):
        require("skopeo")


def test_a_server_that_is_there_is_found() -> None:
    assert require("sh").endswith("/sh")
