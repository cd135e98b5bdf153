"""When a credential ends is asked of its vendor, for the metric and the status page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mirror.bootstrap.expiry import expiry
from mirror.bootstrap.site import Site
from mirror.bootstrap.station import side
from mirror.config import load
from mirror.demo.faults import answer_with
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.messages import json_answer
from mirror.events import ignore
from tests.servers.command import configuration
from tests.servers.google_cloud import GoogleCloud, certificate_made, keep_on_loopback


@pytest.fixture
def gitlab() -> Iterator[GitLabRegistry]:
    with GitLabRegistry() as gitlab:
        yield gitlab


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleCloud]:
    with GoogleCloud() as google:
        keep_on_loopback(monkeypatch, google)
        yield google


@pytest.fixture
def site(tmp_path: Path, gitlab: GitLabRegistry, google: GoogleCloud) -> Site:
    (tmp_path / "token").write_text("secret", "utf-8")
    key = google.key()
    google.keys.append(key["private_key_id"])
    (tmp_path / "key.json").write_text(json.dumps(key), "utf-8")
    source = {"kind": "gitlab", "host": gitlab.host, "api_url": gitlab.api_url, "insecure": True}
    target = {"kind": "google", "host": "eu.gcr.io", "project": google.project}
    path = configuration(
        tmp_path,
        source | {"credentials": {"username": "mirror", "password_file": "token"}},
        target | {"credentials": {"json_key_file": "key.json"}},
        repositories=["acme/api"],
    )
    return Site(load(path, {}), ignore)


def test_gitlab_tells_the_date_of_an_access_token(site: Site, gitlab: GitLabRegistry) -> None:
    body = {"id": 1, "expires_at": "2027-01-31"}
    gitlab.faults.add(answer_with(json_answer(body)), path="personal_access_tokens/self", times=None)
    assert side(site, "from").ends() == datetime(2027, 1, 31, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("body", [{"id": 1, "expires_at": None}, {"message": "404 Not Found"}, []])
def test_a_token_without_a_date_has_no_end(site: Site, gitlab: GitLabRegistry, body: object) -> None:
    gitlab.faults.add(answer_with(json_answer(body)), path="personal_access_tokens/self", times=None)
    assert expiry(site, "from")() is None


def test_google_publishes_when_a_key_ends(site: Site, google: GoogleCloud) -> None:
    made = datetime.now(UTC).replace(microsecond=0)
    google.certificates[google.keys[0]] = certificate_made(made, timedelta(days=90))
    assert expiry(site, "to")() == (made + timedelta(days=90)).timestamp()


def test_a_key_that_never_ends_has_no_date(site: Site, google: GoogleCloud) -> None:
    made = datetime.now(UTC)
    forever = datetime(9999, 12, 31, tzinfo=UTC) - made
    google.certificates[google.keys[0]] = certificate_made(made, forever)
    assert expiry(site, "to")() is None


def test_a_key_that_google_does_not_publish_has_no_date(site: Site, google: GoogleCloud) -> None:
    google.keys.clear()
    assert expiry(site, "to")() is None
