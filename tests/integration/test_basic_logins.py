"""Registries that take user and password with every request, and have no token service."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from mirror.demo import images
from mirror.demo.distribution import OciRegistry
from mirror.demo.messages import Request, Response
from tests.servers.embedded import PASSWORD, Embedded

PATHS = [f"acme/app{number}" for number in range(12)]
LOGIN = {"username": "mirror", "password_env": "GITLAB_TOKEN"}


class Basic(OciRegistry):
    """Knows one user; what is below `closed` is not for anyone, which it says with 401 as some do."""

    password = PASSWORD
    closed = "acme/closed"

    def refused(self, request: Request, wanted: object) -> Response | None:
        right = "Basic " + base64.b64encode(f"mirror:{self.password}".encode()).decode()
        if request.headers.get("authorization") == right and self.closed not in request.path:
            return None
        return Response(401, {"WWW-Authenticate": 'Basic realm="here"'})


@pytest.fixture
def both(embed: Callable[..., Embedded]) -> Embedded:
    both = embed(None, Basic(), login=LOGIN)
    for path in PATHS:
        both.at_source(images.image(path), "1.0", path=path)
    return both


def test_the_right_login_is_enough(both: Embedded) -> None:
    report = both.run(*PATHS)
    assert not report.failed
    assert both.target.count(status=401) == 1, "the greeting"


def test_a_wrong_login_is_tried_once_however_many_repositories_there_are(both: Embedded) -> None:
    assert isinstance(both.target, Basic)
    both.target.password = "another"
    report = both.run(*PATHS)
    assert [(failure.repository, failure.reason) for failure in report.failed] == [("", "unauthorized")]
    assert report.unusable
    tried = [seen for seen in both.target.requests if "authorization" in seen.headers]
    assert [seen.path for seen in tried] == ["/v2/"]


def test_a_repository_that_is_refused_with_401_is_no_refused_login(both: Embedded) -> None:
    both.at_source(images.image("closed"), "1.0", path="acme/closed")
    report = both.run("acme/closed", *PATHS)
    assert [(failure.repository, failure.reason) for failure in report.failed] == [("acme/closed", "denied")]
    assert "not for this" in report.failed[0].message
    assert len(report.copied) == len(PATHS)


def test_a_password_that_is_changed_meanwhile_ends_the_next_pass(both: Embedded) -> None:
    both.run(*PATHS)
    assert isinstance(both.target, Basic)
    both.target.password = "another"
    assert both.run(*PATHS).unusable
