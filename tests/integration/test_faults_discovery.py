"""Finding repositories through GitLab's REST API, in good and in bad hours."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mirror.demo import faults, images
from mirror.demo.access import Account
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.messages import Effect, Request, Response
from mirror.demo.server import Server
from mirror.events import Retried
from mirror.transport.retry import Policy
from tests.servers.embedded import PASSWORD, Embedded

REST = "/api/v4/"
PATHS = ["acme/shop/api", "acme/shop/web/assets", "acme/other"]


@pytest.fixture
def filled(both: Embedded) -> Embedded:
    for path in (*PATHS, "else/where"):
        both.at_source(images.image(path), "1.0", path=path)
    return both


def found(both: Embedded) -> list[str]:
    return sorted(copied.repository for copied in both.report.copied)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["acme/**"], sorted(PATHS)),
        (["acme/shop/**"], ["acme/shop/api", "acme/shop/web/assets"]),
        (["acme/shop/web/**"], ["acme/shop/web/assets"]),
        (["acme/**", "!acme/shop/**"], ["acme/other"]),
        (["acme/*", "else/**"], ["acme/other", "else/where"]),
    ],
)
def test_groups_and_projects_are_found(filled: Embedded, patterns: list[str], expected: list[str]) -> None:
    report = filled.run(*patterns)
    assert not report.failed
    assert found(filled) == expected


@pytest.mark.parametrize(
    "effect",
    [faults.unavailable(), faults.too_many(), faults.reset(), faults.cut(10)],
    ids=["503", "429", "reset", "cut"],
)
def test_a_burst_of_trouble_is_survived_without_a_real_wait(filled: Embedded, effect: Effect) -> None:
    fault = filled.source.faults.add(effect, "GET", REST, times=2)
    report = filled.run("acme/**")
    assert filled.source.faults.happened(fault) == 2
    assert not report.failed
    assert found(filled) == sorted(PATHS)
    assert len(filled.of(Retried)) == 2


def test_a_wait_that_is_asked_for_is_kept(filled: Embedded) -> None:
    filled.source.faults.add(faults.too_many("41"), "GET", REST)
    assert not filled.run("acme/**").failed
    assert 41.0 in filled.clock.waits


def test_trouble_without_end_ends_in_a_failure_of_the_mirror(filled: Embedded) -> None:
    filled.source.faults.add(faults.unavailable(), "GET", REST, times=None)
    report = filled.run("acme/**")
    assert [(failure.repository, failure.reason) for failure in report.failed] == [("", "unavailable")]
    assert filled.source.count("GET", REST) == Policy().attempts
    assert report.unusable
    assert "does not list the repositories of acme: 503 <html>" in report.failed[0].message


def test_a_token_that_may_not_list_is_told_with_the_way_out(embed: Callable[..., Embedded]) -> None:
    both = embed(GitLabRegistry(users={"mirror": Account(PASSWORD, api=False)}))
    both.at_source(images.image("one"), "1.0", path="acme/app")
    report = both.run("acme/**")
    assert [failure.reason for failure in report.failed] == ["unauthorized"]
    assert "deploy token" in report.failed[0].message
    assert both.source.count("GET", REST) == 1
    assert PASSWORD not in report.failed[0].message


@pytest.mark.parametrize("status", [400, 403, 418])
def test_a_refusal_is_not_asked_again(filled: Embedded, status: int) -> None:
    filled.source.faults.add(faults.refuse(status), "GET", REST, times=None)
    assert filled.run("acme/**").failed
    assert filled.source.count("GET", REST) == 1


def test_a_group_that_is_not_there_is_told(filled: Embedded) -> None:
    report = filled.run("nobody/**")
    assert [failure.reason for failure in report.failed] == ["not_found"]
    assert "neither a group nor a project" in report.failed[0].message


def test_a_list_that_leads_back_to_itself_ends(filled: Embedded) -> None:
    again = f"{filled.source.url}/api/v4/groups/acme/registry/repositories?page=2"
    filled.source.faults.add(faults.endless_pages(again), "GET", REST, times=None)
    report = filled.run("acme/**")
    assert [failure.reason for failure in report.failed] == ["unsupported"]
    assert filled.source.count("GET", REST) <= 3
    assert "without end" in report.failed[0].message


@pytest.mark.parametrize("body", [b"<html>", b'{"message": "moved"}', b"[1]", b'[{"id": 1}]', b"null"])
def test_what_is_no_list_of_repositories_is_told(filled: Embedded, body: bytes) -> None:
    page = faults.answer_with(Response(200, {"Content-Type": "application/json"}, body))
    filled.source.faults.add(page, "GET", REST, times=None)
    report = filled.run("acme/**")
    assert [failure.reason for failure in report.failed] == ["unsupported"]


class Thief(Server):
    """Another host; it answers an empty list."""

    def answer(self, request: Request) -> Response:
        return Response(200, {"Content-Type": "application/json"}, b"[]")


@pytest.mark.parametrize("way", ["link", "redirect"])
def test_the_token_does_not_travel_to_another_host(filled: Embedded, way: str) -> None:
    with Thief(address="127.0.0.2") as thief:
        url = f"{thief.url}/api/v4/groups/acme/registry/repositories"
        effect = faults.endless_pages(url) if way == "link" else faults.redirect(url)
        filled.source.faults.add(effect, "GET", REST)
        filled.run("acme/**")
        assert all("private-token" not in seen.headers for seen in thief.requests)
        assert all("authorization" not in seen.headers for seen in thief.requests)


def test_discovery_counts_as_requests_of_the_source(filled: Embedded) -> None:
    report = filled.run("acme/**")
    assert report.requests[filled.source.host] == len(filled.source.requests) + len(
        filled.source.objects.requests  # type: ignore[attr-defined] # GitLab's
    )
