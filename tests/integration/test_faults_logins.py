"""Logins that are refused, weaker than wished, or end while they are needed."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mirror.demo import faults, images
from mirror.demo.access import Account
from mirror.demo.distribution import OciRegistry
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry, service_account_key
from mirror.demo.messages import Request, Response
from mirror.demo.tokens import TokenService
from mirror.events import Retried
from tests.servers.embedded import PASSWORD, PATH, Embedded

PATHS = [f"acme/app{number}" for number in range(12)]
REALMS = {"source": "/jwt/auth", "target": "/v2/token"}


def filled(both: Embedded, *paths: str) -> Embedded:
    """An image in each repository of the source."""
    for path in paths or (PATH,):
        both.at_source(images.image(path), "1.0", path=path)
    return both


def wrong(both: Embedded, side: str) -> None:
    """Give that side a login that it does not know."""
    if side == "source":
        both.env["GITLAB_TOKEN"] = "glpat-which-was-revoked"
    else:
        both.env["GCR_KEY"] = both.env["GCR_KEY"].replace(both.target.key["private_key_id"], "0" * 40)  # type: ignore[attr-defined] # Google's


@pytest.mark.parametrize("side", REALMS)
def test_a_login_that_is_refused_is_tried_once_however_many_repositories_there_are(
    both: Embedded, side: str
) -> None:
    wrong(filled(both, *PATHS), side)
    report = both.run(*PATHS)
    place = getattr(both, side)
    assert place.count("GET", REALMS[side]) == 1
    assert [(failure.repository, failure.reason) for failure in report.failed] == [("", "unauthorized")]
    assert report.unusable
    assert place.host in report.failed[0].message
    assert "refused" in report.failed[0].message


def test_a_refused_login_is_not_tried_again_by_the_next_pass(both: Embedded) -> None:
    wrong(filled(both), "source")
    both.run()
    assert both.run().unusable
    assert both.source.count("GET", "/jwt/auth") == 1


def test_a_login_that_is_revoked_during_a_pass_is_tried_once_more_and_then_left(both: Embedded) -> None:
    filled(both, *PATHS)
    source = both.source
    assert isinstance(source, GitLabRegistry)

    def revoke() -> None:
        source.users = {"mirror": Account("another")}
        source.tokens = TokenService("new", "container_registry")  # what was given out counts no more

    source.faults.add(faults.call(revoke), "GET", "/manifests/")
    report = both.run(*PATHS)
    asked = [seen.status for seen in source.requests if seen.path == "/jwt/auth"]
    assert asked.count(401) <= 1
    assert {failure.reason for failure in report.failed} <= {"unauthorized"}
    assert len(report.failed) == len(PATHS) - len(report.copied)


def test_a_token_that_is_weaker_than_asked_for_is_told_with_its_scope(both: Embedded) -> None:
    filled(both, PATH, "acme/good")
    assert isinstance(both.source, GitLabRegistry)
    weaker = both.source.weaker_token()
    both.source.faults.add(weaker, "GET", f"/jwt/auth.*{PATH.replace('/', '%2F')}", times=None)
    report = both.run(PATH, "acme/good")
    assert [(failure.repository, failure.reason) for failure in report.failed] == [(PATH, "denied")]
    assert f"repository:{PATH}:pull" in report.failed[0].message
    assert both.source.count("GET", f"/v2/{PATH}|repositories/{PATH}") == 0, "it would be refused"
    assert [copied.repository for copied in report.copied] == ["acme/good"]


def test_rights_that_google_denies_at_its_token_endpoint_are_no_refused_login(
    embed: Callable[..., Embedded],
) -> None:
    both = filled(embed(None, GoogleRegistry(actions=("pull",))), *PATHS)
    report = both.run(*PATHS)
    assert sorted(failure.repository for failure in report.failed) == sorted(PATHS)
    assert {failure.reason for failure in report.failed} == {"denied"}
    assert "artifactregistry.repositories.uploadArtifacts" in report.failed[0].message
    assert not both.of(Retried)


def test_a_repository_that_the_first_push_may_not_make_is_denied_with_googles_words(
    embed: Callable[..., Embedded],
) -> None:
    both = filled(embed(None, GoogleRegistry(exists=False)))
    report = both.run()
    assert [failure.reason for failure in report.failed] == ["denied"]
    assert "createOnPush" in report.failed[0].message
    assert isinstance(both.target, GoogleRegistry)
    assert f"asked for repository:{both.target.prefix}/{PATH}:pull,push" in report.failed[0].message


def test_the_source_is_only_asked_for_the_right_to_pull(both: Embedded) -> None:
    filled(both).run()
    asked = [seen.query["scope"] for seen in both.source.requests if seen.path == "/jwt/auth"]
    assert asked == [(f"repository:{PATH}:pull",)]


def test_a_token_that_ends_during_a_pass_is_renewed_once(both: Embedded) -> None:
    filled(both)
    both.source.faults.add(faults.refuse(401, "UNAUTHORIZED", "token expired"), "GET", "/manifests/")
    report = both.run()
    assert not report.failed
    assert both.source.count("GET", "/jwt/auth") == 2


def test_a_request_that_is_refused_with_a_new_token_too_is_not_sent_again(both: Embedded) -> None:
    filled(both)
    refused = faults.refuse(401, "UNAUTHORIZED", "insufficient_scope")
    both.source.faults.add(refused, "GET", "/manifests/", times=None)
    report = both.run()
    assert [(failure.tag, failure.reason) for failure in report.failed] == [("1.0", "denied")]
    assert both.source.count("GET", "/manifests/") == 2


def test_tokens_are_renewed_before_they_end(embed: Callable[..., Embedded]) -> None:
    both = filled(embed(GitLabRegistry(users={"mirror": PASSWORD}, token_lifetime=60.0)))
    both.run()
    both.clock.wait(49)
    both.run()
    assert both.source.count("GET", "/jwt/auth") == 2
    assert both.source.count("GET", status=401) == 1, "only the greeting"


def test_a_token_of_half_a_second_is_enough_for_a_pass_of_many_requests(
    embed: Callable[..., Embedded],
) -> None:
    both = filled(embed(GitLabRegistry(users={"mirror": PASSWORD}, token_lifetime=0.5)), *PATHS)
    both.source.faults.add(faults.call(lambda: time.sleep(0.1)), "GET", "/manifests/", times=None)
    report = both.run(*PATHS)
    assert not report.failed, report.failed[0].message


def test_what_is_public_needs_no_login(
    embed: Callable[..., Embedded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", "/nonexistent")
    both = filled(embed(GitLabRegistry(public=[PATH]), anonymous=True), PATH, "acme/private")
    report = both.run(PATH, "acme/private")
    assert [(failure.repository, failure.reason) for failure in report.failed] == [("acme/private", "denied")]
    assert [copied.repository for copied in report.copied] == [PATH]


class LateAsking(GitLabRegistry):
    """Greets everybody, and asks for a login where one is needed."""

    def refused(self, request: Request, wanted: object) -> Response | None:
        return None if request.path == "/v2/" else super().refused(request, wanted)  # type: ignore[arg-type] # as it came


def test_a_registry_that_greets_everybody_may_still_ask_for_a_login(embed: Callable[..., Embedded]) -> None:
    both = filled(embed(LateAsking(users={"mirror": PASSWORD})))
    report = both.run()
    assert not report.failed, report.failed[0].message


@pytest.mark.parametrize(
    ("challenge", "reason"),
    [
        ('Negotiate realm="x"', "unsupported"),
        ("", "unsupported"),
        ('Bearer service="x"', "forbidden_address"),
        ('Bearer realm="http://169.254.169.254/token"', "forbidden_address"),
        ('Bearer realm="file:///etc/passwd"', "forbidden_address"),
    ],
)
def test_a_challenge_that_leads_nowhere_good_is_not_followed(
    both: Embedded, challenge: str, reason: str
) -> None:
    asks = faults.answer_with(Response(401, {"WWW-Authenticate": challenge}))
    filled(both).source.faults.add(asks, "GET", "^/v2/$", times=None)
    report = both.run()
    assert [(failure.repository, failure.reason) for failure in report.failed] == [(PATH, reason)]
    assert both.source.count("GET", "/jwt/auth") == 0


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"token": null}', b'{"token": 5}', b"<html>"])
def test_a_token_service_that_answers_without_a_token_is_told(both: Embedded, body: bytes) -> None:
    filled(both).source.faults.add(
        faults.answer_with(Response(200, {}, body)), "GET", "/jwt/auth", times=None
    )
    report = both.run()
    assert [(failure.repository, failure.reason) for failure in report.failed] == [(PATH, "unsupported")]
    assert "without a token" in report.failed[0].message


def test_a_key_of_another_project_is_refused_and_not_repeated(embed: Callable[..., Embedded]) -> None:
    both = filled(embed(None, GoogleRegistry(key=service_account_key("another-project"))))
    both.env["GCR_KEY"] = both.env["GCR_KEY"].replace("another-project", "mine")
    report = both.run()
    assert report.unusable
    assert both.target.count("GET", "/v2/token") == 1


def test_two_registries_are_two_logins(embed: Callable[..., Embedded]) -> None:
    both = filled(embed(OciRegistry()))
    wrong(both, "target")
    report = both.run()
    assert report.unusable
    assert both.source.count("GET", "/tags/list") == 1
