"""What `check` finds at GitLab: each check passes, warns, fails, and what it tells to do makes it pass."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mirror.checks.check import Finding, run
from mirror.checks.gitlab import Source, blobs, discover, gitlab, log_in, pull, tag_list, token_end
from mirror.checks.place import TIMEOUTS
from mirror.demo.access import Account
from mirror.demo.faults import answer_with, headers
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.images import PLATFORMS, image, index
from mirror.demo.messages import Answer, Request, Response, json_answer
from mirror.events import ignore
from mirror.oci.auth import Credential, Fixed, Login
from mirror.oci.repository import Repository
from mirror.registries.credentials import Password, from_file
from mirror.registries.gitlab import tags
from mirror.transport.client import Client
from tests.servers.places import place, worst

API = "acme/shop/api"
LOGIN = Fixed(Login("mirror", "secret"))


@pytest.fixture
def registry() -> Iterator[GitLabRegistry]:
    with GitLabRegistry() as registry:
        yield registry


def obey(
    fix: str, registry: GitLabRegistry, folder: Path, made: Account
) -> tuple[Credential, dict[str, Any]]:
    """Paste a fix into a shell, as an owner of the group: the login that is kept afterwards, and what was asked for."""
    wishes = list[dict[str, Any]]()

    def give(request: Request, _answer: Answer) -> Response:
        assert request.headers["private-token"] == "an owner's"
        wishes.append(json.loads(request.body.all(1 << 16) or b""))
        registry.users["mirror"] = made
        return json_answer({"id": 1, "token": made.password}, 201)

    registry.faults.add(give, method="POST", path="^/api/v4/groups/acme/(deploy|access)_tokens$")
    env = {"PATH": "/usr/bin:/bin", "GITLAB_TOKEN": "an owner's"}
    subprocess.run(["sh", "-eu", "-c", fix], check=True, cwd=folder, env=env, capture_output=True)
    (wish,) = wishes
    return Password("mirror", from_file(folder / "gitlab token")), wish


def source(
    registry: GitLabRegistry,
    credential: Credential = LOGIN,
    literals: Iterable[str] = (API,),
    roots: Iterable[str] = ("acme",),
) -> Source:
    known = {"GITLAB": registry.api_url, "GROUP": "acme", "TOKEN_SAVED": "| jq -er .token >'gitlab token'"}
    there = place(registry.host, credential, known)

    def repository(path: str) -> Repository:
        return Repository(there.registry, path, push=False, lister=tags, observe=ignore)

    def token() -> str | None:
        login = credential.login()
        return login.password if login else None

    api = Client(registry.host, observe=ignore, timeouts=TIMEOUTS)
    return Source(there, repository, registry.api_url, api, token, tuple(literals), tuple(roots))


def fill(registry: GitLabRegistry) -> None:
    image("api").store(registry.storage.repository(API), "1.0")


class TestLogin:
    """The credential is accepted."""

    @pytest.mark.finds("login", "ok")
    def test_it_passes(self, registry: GitLabRegistry) -> None:
        assert worst(log_in(source(registry).place)).said == "accepted as mirror"

    @pytest.mark.finds("login", "warning")
    def test_none_is_a_warning_with_the_command_that_makes_one(
        self, registry: GitLabRegistry, tmp_path: Path
    ) -> None:
        finding = worst(log_in(source(registry, Fixed(None)).place))
        assert finding.level == "warning"
        token, _ = obey(finding.fix, registry, tmp_path, Account("made"))
        assert worst(log_in(source(registry, token).place)).level == "ok"

    @pytest.mark.finds("login", "failed", "ok")
    def test_a_wrong_one_fails_once_and_the_one_that_the_fix_makes_passes(
        self, registry: GitLabRegistry, tmp_path: Path
    ) -> None:
        fill(registry)
        wrong = source(registry, Fixed(Login("mirror", "an old secret")), [API, "acme/shop/web"])
        checks = [one for one in gitlab(wrong) if "login" in (one.name + one.needs)]
        found = run([replace(one, needs=one.needs.replace("there: answers", "")) for one in checks])
        (finding,) = found
        assert finding.level == "failed"
        assert registry.count("GET", "/jwt/auth") == 1, "GitLab bans who logs in wrongly again and again"
        token, wish = obey(finding.fix, registry, tmp_path, Account("made"))
        assert wish["scopes"] == ["read_registry"]
        assert worst(log_in(source(registry, token).place)).level == "ok"


class TestPull:
    """`pull` is granted."""

    def test_it_passes(self, registry: GitLabRegistry) -> None:
        fill(registry)
        assert worst(pull(source(registry).place, API)).level == "ok"

    @pytest.mark.finds("pull PATH", "warning", "ok")
    def test_a_repository_without_an_image_is_a_warning(self, registry: GitLabRegistry) -> None:
        assert worst(pull(source(registry).place, API)).level == "warning"
        fill(registry)
        assert worst(pull(source(registry).place, API)).level == "ok"

    @pytest.mark.finds("pull PATH", "failed", "ok")
    def test_a_weaker_token_with_status_200_fails_until_the_right_is_granted(
        self, registry: GitLabRegistry, tmp_path: Path
    ) -> None:
        fill(registry)
        registry.users["mirror"] = Account("secret", pull=("other/**",), push=())
        finding = worst(pull(source(registry).place, API))
        assert (finding.level, "grants less" in finding.said) == ("failed", True)
        assert "Reporter role" in finding.cause
        token, wish = obey(finding.fix, registry, tmp_path, Account("made", pull=("acme/**",), push=()))
        assert wish["scopes"] == ["read_registry"]
        assert worst(pull(source(registry, token).place, API)).level == "ok"

    def test_asking_creates_no_repository(self, registry: GitLabRegistry) -> None:
        list(pull(source(registry).place, "acme/new"))
        assert registry.storage.find("acme/new") is None


class TestTagList:
    """GitLab's own list."""

    def test_it_passes_with_the_metadata_database(self, registry: GitLabRegistry) -> None:
        fill(registry)
        assert worst(tag_list(source(registry))).level == "ok"

    @pytest.mark.finds("tag list", "warning", "ok")
    def test_without_the_database_it_warns_what_that_costs_and_passes_with_it(
        self, registry: GitLabRegistry
    ) -> None:
        registry.database = False
        finding = worst(tag_list(source(registry)))
        assert (finding.level, "metadata database" in finding.fix) == ("warning", True)
        registry.database = True
        assert worst(tag_list(source(registry))).level == "ok"

    @pytest.mark.finds("tag list", "failed")
    def test_a_broken_registry_fails(self, registry: GitLabRegistry) -> None:
        registry.faults.add(answer_with(json_answer({}, 500)), path="/gitlab/v1", times=None)
        assert worst(tag_list(source(registry))).level == "failed"


class TestDiscovery:
    """The REST API lists repositories."""

    def test_it_passes_and_lists_one(self, registry: GitLabRegistry) -> None:
        fill(registry)
        assert worst(discover(source(registry), "acme")).level == "ok"
        assert registry.requests[-1].query["per_page"] == ("1",)

    def test_a_path_below_a_project_is_found_through_the_project(self, registry: GitLabRegistry) -> None:
        fill(registry)
        assert worst(discover(source(registry), "acme/shop/tools/deep")).level == "ok"

    @pytest.mark.finds("discover GROUP", "failed", "ok")
    def test_a_deploy_token_fails_and_the_token_that_the_fix_makes_passes(
        self, registry: GitLabRegistry, tmp_path: Path
    ) -> None:
        fill(registry)
        registry.users["mirror"] = Account("secret", api=False)
        finding = worst(discover(source(registry), "acme"))
        assert (finding.level, "deploy token" in finding.cause) == ("failed", True)
        token, wish = obey(finding.fix, registry, tmp_path, Account("made", api=True))
        assert wish["scopes"] == ["read_api", "read_registry"]
        assert worst(discover(source(registry, token), "acme")).level == "ok"

    def test_a_token_without_read_api_fails(self, registry: GitLabRegistry) -> None:
        body = {
            "error": "insufficient_scope",
            "error_description": "The request requires higher privileges than provided by the access token.",
        }
        registry.faults.add(answer_with(json_answer(body, 403)), path="/api/v4/groups", times=None)
        finding = worst(discover(source(registry), "acme"))
        assert (finding.level, "access_tokens" in finding.fix) == ("failed", True)

    def test_a_group_that_is_not_there_fails(self, registry: GitLabRegistry) -> None:
        finding = worst(discover(source(registry), "amce"))
        assert (finding.level, "amce" in finding.fix) == ("failed", True)

    @pytest.mark.finds("discover GROUP", "warning")
    def test_a_project_without_an_image_is_a_warning(self, registry: GitLabRegistry) -> None:
        registry.api.projects.add("acme/empty")
        fill(registry)
        registry.faults.add(answer_with(json_answer([])), path="acme%2Fempty/registry", times=None)
        assert worst(discover(source(registry), "acme/empty")).level == "warning"


class TestTokenEnd:
    """When the access token ends."""

    def look(self, registry: GitLabRegistry, ends: str | None) -> Finding:
        body = {"id": 1, "scopes": ["read_api", "read_registry"], "expires_at": ends}
        registry.faults.add(answer_with(json_answer(body)), path="personal_access_tokens/self", times=1)
        return worst(token_end(source(registry), date(2026, 11, 23)))

    def test_far_away_or_never_passes(self, registry: GitLabRegistry) -> None:
        assert self.look(registry, "2027-06-01").level == "ok"
        assert self.look(registry, None).said == "never"

    @pytest.mark.finds("token", "warning")
    def test_within_two_weeks_is_a_warning(self, registry: GitLabRegistry) -> None:
        finding = self.look(registry, "2026-11-30")
        assert (finding.level, finding.said) == ("warning", "it ends on 2026-11-30, in 7 days")

    @pytest.mark.finds("token", "failed", "ok")
    def test_over_fails_and_a_new_one_passes(self, registry: GitLabRegistry) -> None:
        assert self.look(registry, "2026-11-01").level == "failed"
        assert self.look(registry, "2027-11-01").level == "ok"

    def test_a_deploy_token_does_not_tell(self, registry: GitLabRegistry) -> None:
        registry.users["mirror"] = Account("secret", api=False)
        assert worst(token_end(source(registry), date(2026, 11, 23))).level == "ok"


class TestBlobs:
    """The host that blobs come from."""

    def test_it_passes_and_names_the_host(self, registry: GitLabRegistry) -> None:
        index([image("api", platform=one) for one in PLATFORMS]).store(
            registry.storage.repository(API), "1.0"
        )
        finding = worst(blobs(source(registry)))
        assert (finding.level, registry.objects.host in finding.said) == ("ok", True)

    def test_it_is_found_through_discovery_too(self, registry: GitLabRegistry) -> None:
        fill(registry)
        assert worst(blobs(source(registry, literals=()))).level == "ok"

    @pytest.mark.finds("blobs", "failed", "ok")
    def test_a_host_that_cannot_be_reached_fails_and_passes_once_it_can(
        self, registry: GitLabRegistry
    ) -> None:
        fill(registry)
        registry.objects.pause()
        finding = worst(blobs(source(registry)))
        assert finding.level == "failed"
        assert finding.fix == f"curl -v http://{registry.objects.host}/ # allow this host in the firewall"
        registry.objects.start()
        assert worst(blobs(source(registry))).level == "ok"

    @pytest.mark.finds("blobs", "warning")
    def test_one_that_takes_long_is_a_warning(self, registry: GitLabRegistry) -> None:
        fill(registry)
        found = source(registry)
        slow = replace(found, place=replace(found.place, timer=iter((0.0, 3.0)).__next__))
        finding = worst(blobs(slow))
        assert (finding.level, f"http://{registry.objects.host}/ " in finding.fix) == ("warning", True)

    def test_where_there_is_no_image_nothing_is_said(self, registry: GitLabRegistry) -> None:
        assert list(blobs(source(registry))) == []


def test_nothing_that_a_check_says_holds_the_password(registry: GitLabRegistry) -> None:
    fill(registry)
    credential = Fixed(Login("mirror", "glpat-very-secret-indeed"))
    checks = [replace(one, needs="") for one in gitlab(source(registry, credential))]
    text = json.dumps([one.as_json() for one in run(checks)])
    assert '"failed"' in text
    assert "very-secret" not in text


def test_an_odd_answer_of_the_token_service_is_a_finding(registry: GitLabRegistry) -> None:
    registry.faults.add(headers(WWW_Authenticate="Negotiate"), path="^/v2/$", times=None)
    assert worst(log_in(source(registry).place)).level == "failed"
