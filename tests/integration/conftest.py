"""Fixtures of the tests with servers: what a test says that a check finds, the check must find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mirror.checks.check import Finding
from tests.servers.checklist import documented, kind
from tests.servers.gcloud import Gcloud
from tests.servers.google_cloud import GoogleCloud
from tests.servers.google_project import google_project


@pytest.fixture(autouse=True)
def _finds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold a test to its marks `finds(check, *levels)`, and what checks find to what the documents say of them."""
    promised = {
        (mark.args[0], level) for mark in request.node.iter_markers("finds") for level in mark.args[1:]
    }
    found = set[tuple[str, str]]()

    def noted(*parts: Any, **more: Any) -> Finding:
        finding = Finding(*parts, **more)
        found.add((kind(finding.check), finding.level))
        return finding

    monkeypatch.setattr("mirror.checks.check.Finding", noted)
    yield
    assert promised <= found <= documented()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleCloud]:
    """Google, with a project that can be pushed to."""
    with google_project(monkeypatch) as cloud:
        yield cloud


@pytest.fixture
def gcloud(cloud: GoogleCloud, tmp_path: Path) -> Gcloud:
    """The commands of gcloud, at that Google."""
    return Gcloud(tmp_path, cloud)
