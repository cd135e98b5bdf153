"""What `check` finds at Google: each check passes, warns, fails, and its fix, as printed, makes it pass."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mirror.checks.check import Finding, run
from mirror.checks.credentials import google_credentials, google_login
from mirror.checks.google import Target, excess, google, old_bucket, push, rights
from mirror.checks.google_api import GoogleApi
from mirror.checks.identity import member
from mirror.checks.keyless import Machine
from mirror.checks.roles import EXCESSIVE
from mirror.cli.app import main
from mirror.demo.google import GoogleRegistry
from mirror.events import ignore
from mirror.oci.auth import Fixed, Login
from mirror.registries.artifact_registry import Home
from mirror.registries.credentials import from_file
from mirror.registries.json_key import JsonKey
from mirror.transport.client import Client
from mirror.transport.clock import Clock
from tests.servers.gcloud import Gcloud
from tests.servers.google_cloud import GoogleCloud
from tests.servers.google_project import (
    DELETE,
    HOME,
    KNOWN,
    MEMBER,
    PATH,
    PROJECT,
    UPLOAD,
)
from tests.servers.places import place, worst

BUCKET = f"eu.artifacts.{PROJECT}.appspot.com"


@pytest.fixture
def target(cloud: GoogleCloud) -> Target:
    there = place("eu.gcr.io", Fixed(Login("_json_key", json.dumps(cloud.key()))), KNOWN)
    return Target(replace(there, member=lambda: MEMBER), (), home=HOME)


@pytest.fixture
def api(cloud: GoogleCloud) -> GoogleApi:
    return GoogleApi.of(google_credentials(Login("_json_key", json.dumps(cloud.key()))))


class TestPush:
    """An upload is opened and given up."""

    def look(self, registry: GoogleRegistry) -> Finding:
        credential = Fixed(Login("_json_key", json.dumps(registry.key)))
        there = place(registry.host, credential, KNOWN)
        (finding,) = push(replace(there, member=partial(member, credential)), PATH)
        return finding

    @pytest.mark.finds("push PATH", "ok")
    def test_it_passes_and_leaves_nothing_behind(self) -> None:
        with GoogleRegistry(project=PROJECT) as registry:
            assert self.look(registry).level == "ok"
            assert registry.count("DELETE", "/uploads/", 204) == 1
            assert registry.storage.open_uploads == 0
            assert registry.count("PUT") + registry.count("PATCH") == 0

    def test_a_missing_repository_is_created_by_the_fix_and_never_by_the_check(self, gcloud: Gcloud) -> None:
        with GoogleRegistry(project=PROJECT, exists=False, create_on_push=True) as registry:
            finding = self.look(registry)
            assert finding.level == "failed"
            assert "PROJECT" not in finding.fix
            assert not registry.exists
            gcloud.run(finding.fix)
            registry.exists = HOME.resource in gcloud.cloud.repositories
            assert self.look(registry).level == "ok"

    @pytest.mark.finds("push PATH", "failed", "ok")
    def test_a_role_that_lacks_is_granted_by_the_fix(self, gcloud: Gcloud) -> None:
        with GoogleRegistry(
            project=PROJECT, actions=["pull"], location="europe", repository="eu.gcr.io"
        ) as registry:
            finding = self.look(registry)
            assert (finding.level, "uploadArtifacts" in finding.said) == ("failed", True)
            gcloud.run(finding.fix)
            assert gcloud.cloud.holds(HOME.resource, "roles/artifactregistry.writer") == {MEMBER}
            registry.actions = frozenset({"pull", "push"})
            assert self.look(registry).level == "ok"

    def test_a_login_that_is_refused_is_explained(self) -> None:
        with GoogleRegistry(project=PROJECT) as registry:
            broken = place(registry.host, Fixed(Login("_json_key", "not a key")), KNOWN)
            (finding,) = push(broken, PATH)
            assert finding.level == "failed"
            assert "base64" in finding.fix

    def test_nothing_that_a_check_says_holds_the_key(self) -> None:
        with GoogleRegistry(project=PROJECT, actions=[]) as registry:
            assert "PRIVATE" not in json.dumps(self.look(registry).as_json())


class TestRights:
    """What IAM says about the repository."""

    def test_it_passes(self, target: Target, api: GoogleApi) -> None:
        assert [one.level for one in rights(target, HOME, api)] == ["ok"]

    @pytest.mark.finds("repository", "failed", "ok")
    def test_a_missing_repository_fails_and_the_fix_makes_it(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi, gcloud: Gcloud
    ) -> None:
        cloud.repositories.clear()
        (finding,) = rights(target, HOME, api)
        assert finding.level == "failed"
        gcloud.run(finding.fix)
        assert worst(rights(target, HOME, api)).level == "ok"

    @pytest.mark.finds("repository", "warning", "ok")
    def test_a_repository_that_the_first_push_would_create_is_a_warning(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi, gcloud: Gcloud
    ) -> None:
        cloud.repositories.clear()
        cloud.denied.remove("artifactregistry.repositories.createOnPush")
        (finding,) = rights(target, HOME, api)
        assert finding.level == "warning"
        gcloud.run(finding.fix)
        assert worst(rights(target, HOME, api)).level == "ok"

    def test_a_right_to_push_that_lacks_fails_and_the_fix_grants_it(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi, gcloud: Gcloud
    ) -> None:
        cloud.denied.add(UPLOAD)
        (finding,) = rights(target, HOME, api)
        assert finding.level == "failed"
        gcloud.run(finding.fix)
        assert cloud.holds(HOME.resource, "roles/artifactregistry.writer") == {MEMBER}

    def test_an_api_that_is_off_fails_and_the_fix_turns_it_on(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi, gcloud: Gcloud
    ) -> None:
        cloud.enabled.remove("artifactregistry")
        (finding,) = rights(target, HOME, api)
        assert (finding.level, finding.fix) == (
            "failed",
            f"gcloud services enable artifactregistry.googleapis.com --project={PROJECT}",
        )
        gcloud.run(finding.fix)
        assert worst(rights(target, HOME, api)).level == "ok"

    def test_a_missing_repository_is_told_where_the_resource_managers_api_is_off(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi
    ) -> None:
        cloud.repositories.clear()
        cloud.enabled.remove("cloudresourcemanager")
        assert worst(rights(target, HOME, api)).said == "it does not exist"

    def test_immutable_tags_are_a_warning_until_the_fix_is_run(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi, gcloud: Gcloud
    ) -> None:
        cloud.repositories[HOME.resource]["dockerConfig"] = {"immutableTags": True}
        finding = worst(rights(target, HOME, api))
        assert (finding.level, "immutable" in finding.said) == ("warning", True)
        gcloud.run(finding.fix)
        assert worst(rights(target, HOME, api)).level == "ok"

    def test_a_right_to_delete_that_nobody_uses_is_a_warning_with_its_removal(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi, gcloud: Gcloud
    ) -> None:
        cloud.denied.remove(DELETE)
        cloud.give(HOME.resource, "roles/artifactregistry.repoAdmin", MEMBER)
        finding = worst(rights(target, HOME, api))
        assert (finding.level, "deleting" in finding.said) == ("warning", True)
        gcloud.run(finding.fix)
        assert cloud.holds(HOME.resource, "roles/artifactregistry.repoAdmin") == set()

    def test_a_right_to_delete_that_lacks_fails_a_mirror_that_prunes_and_the_fix_grants_it(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi, gcloud: Gcloud
    ) -> None:
        pruning = replace(target, prune=True)
        finding = worst(rights(pruning, HOME, api))
        assert (finding.level, "deleting" in finding.said) == ("failed", True)
        gcloud.run(finding.fix)
        assert cloud.holds(HOME.resource, "roles/artifactregistry.repoAdmin") == {MEMBER}
        cloud.denied.remove(DELETE)
        assert worst(rights(pruning, HOME, api)).level == "ok"

    def test_at_pkg_dev_no_push_creates_a_repository(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi, gcloud: Gcloud
    ) -> None:
        cloud.denied.remove("artifactregistry.repositories.createOnPush")
        elsewhere = Home.of("us-docker.pkg.dev", PROJECT, "images")
        (finding,) = rights(target, elsewhere, api)
        assert finding.level == "failed"
        gcloud.run(finding.fix)
        assert worst(rights(target, elsewhere, api)).level == "ok"

    def test_a_repository_of_another_format_fails(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi
    ) -> None:
        cloud.repositories[HOME.resource]["format"] = "MAVEN"
        assert worst(rights(target, HOME, api)).level == "failed"


class TestExcess:
    """More rights than needed."""

    def test_it_passes(self, target: Target, api: GoogleApi) -> None:
        assert [one.level for one in excess(target, HOME, api)] == ["ok"]

    @pytest.mark.parametrize("role", ["roles/owner", "roles/editor", "roles/storage.admin"])
    @pytest.mark.finds("more rights than needed", "warning", "ok")
    def test_a_wide_role_is_a_warning_and_the_fix_takes_it_away(
        self,
        role: str,
        cloud: GoogleCloud,
        target: Target,
        api: GoogleApi,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        cloud.give(f"projects/{PROJECT}", role, MEMBER)
        (finding,) = excess(target, HOME, api)
        assert (finding.level, role in finding.said) == ("warning", True)
        admin = tmp_path / "admin.json"
        admin.write_text(json.dumps(cloud.key()), "utf-8")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(admin))
        monkeypatch.setattr(Clock, "wait", lambda *_: None)
        command = shlex.split(finding.fix)
        assert command[0] == "gcr-mirror"
        assert main(command[1:]) == 0
        assert worst(excess(target, HOME, api)).level == "ok"

    def test_who_may_not_read_the_policy_is_told_by_what_it_may_do(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi
    ) -> None:
        cloud.denied |= {"cloudresourcemanager.projects.getIamPolicy"}
        cloud.denied |= {"artifactregistry.repositories.uploadArtifacts"}
        assert worst(excess(target, HOME, api)).level == "ok"
        cloud.denied.remove("storage.buckets.delete")
        cloud.denied.remove("storage.objects.delete")
        (finding,) = excess(target, HOME, api)
        assert finding.said.startswith("roles/storage.admin: ")
        cloud.denied.remove("artifactregistry.repositories.delete")
        told = [one.said.partition(":")[0] for one in excess(target, HOME, api)]
        assert told == ["roles/storage.admin", "roles/artifactregistry.admin"], "neither holds the other"
        cloud.denied.remove("resourcemanager.projects.setIamPolicy")
        assert [one.said[:10] for one in excess(target, HOME, api)] == ["roles/owne"], (
            "it holds all the others"
        )

    def test_every_wide_role_is_told_where_the_policy_may_be_read(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi
    ) -> None:
        for role in EXCESSIVE:
            cloud.give(f"projects/{PROJECT}", role, MEMBER)
        found = list(excess(target, HOME, api))
        assert [one.said.partition(":")[0] for one in found] == list(EXCESSIVE)
        assert {one.level for one in found} == {"warning"}

    def test_a_person_is_not_taken_for_a_service_account_in_the_fix(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi, gcloud: Gcloud
    ) -> None:
        cloud.give(f"projects/{PROJECT}", "roles/editor", "user:ann@example.com")
        person = replace(target, place=replace(target.place, member=lambda: "user:ann@example.com"))
        (finding,) = excess(person, HOME, api)
        gcloud.run(finding.fix)
        assert worst(excess(person, HOME, api)).level == "ok"

    def test_an_account_that_the_login_does_not_tell_is_said_to_be_unknown(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi
    ) -> None:
        cloud.denied.add(UPLOAD)
        unknown = replace(target, place=replace(target.place, member=lambda: ""))
        fix = worst(rights(unknown, HOME, api)).fix
        assert f"--member=serviceAccount:NAME@{PROJECT}.iam.gserviceaccount.com " in fix
        assert fix.endswith(" # this login does not tell its account: write it for NAME")

    def test_where_the_api_is_off_nothing_is_wrong(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi
    ) -> None:
        cloud.enabled.remove("cloudresourcemanager")
        (finding,) = excess(target, HOME, api)
        assert (finding.level, finding.said) == ("ok", "Google does not tell this login")


class TestOldBucket:
    """The bucket of the old Container Registry."""

    def test_none_is_as_it_should_be(self, target: Target, api: GoogleApi) -> None:
        assert worst(old_bucket(target.place, HOME, api)).said == "there is none"

    @pytest.mark.finds("old bucket", "warning", "ok")
    def test_one_is_explained_with_the_rights_that_no_longer_help(
        self, cloud: GoogleCloud, target: Target, api: GoogleApi, gcloud: Gcloud
    ) -> None:
        cloud.buckets.create(BUCKET)
        cloud.buckets.caller = MEMBER
        cloud.buckets.give(BUCKET, "roles/storage.legacyBucketWriter", MEMBER)
        (finding,) = old_bucket(target.place, HOME, api)
        assert finding.level == "warning"
        assert "storage.objects.create" in finding.said
        assert "authorise no push" in finding.cause
        gcloud.run(finding.fix.partition(": ")[2])
        assert worst(old_bucket(target.place, HOME, api)).level == "ok"

    def test_pkg_dev_never_had_one(self, target: Target, api: GoogleApi) -> None:
        assert list(old_bucket(target.place, Home.of("us-docker.pkg.dev", "shop", "images"), api)) == []


def test_all_of_it_together_runs_side_by_side(cloud: GoogleCloud, tmp_path: Path) -> None:
    with GoogleRegistry(project=PROJECT) as registry:
        info = {**registry.key, "token_uri": f"{cloud.url}/oauth2.googleapis.com/token"}
        registry.key.update(info)
        (tmp_path / "key.json").write_text(json.dumps(info), "utf-8")
        there = place(registry.host, JsonKey(from_file(tmp_path / "key.json")), KNOWN)
        there = replace(there, member=partial(member, there.credential))
        login = there.credential.login()
        target = Target(there, (PATH,), home=HOME, api=lambda: GoogleApi.of(google_credentials(login)))
        cloud.keys.append(str(info["private_key_id"]))
        checks = [
            *google_login(there, PROJECT, Client("c", observe=ignore), Machine({}, tmp_path)),
            *google(target),
        ]
        found = run(checks)
        # Nobody answers at `answers`, which is of the network: the push needs it, and is left out.
        assert {one.check: one.level for one in found} == {
            "there: key": "ok",
            "there: access token": "ok",
            "there: repository": "ok",
            "there: more rights than needed": "ok",
            "there: old bucket": "ok",
            "there: quota": "ok",
        }
