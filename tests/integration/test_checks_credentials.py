"""What `check` finds of the login at Google: its key, its token, its file; and the fix makes it pass."""

from __future__ import annotations

import base64
import json
import os
import shlex
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from mirror.checks.check import Finding
from mirror.checks.credentials import Key, google_login, key, readable, token
from mirror.checks.keyless import Machine
from mirror.cli.app import main
from mirror.demo.gitlab import GitLabRegistry
from mirror.events import ignore
from mirror.oci.auth import Fixed, Login
from mirror.registries.credentials import from_file
from mirror.registries.google_auth import ApplicationDefault
from mirror.registries.json_key import JsonKey
from mirror.transport.client import Client, Timeouts
from mirror.transport.clock import Clock
from tests.servers.certificates import Authority
from tests.servers.gcloud import Gcloud
from tests.servers.google_cloud import GoogleCloud, certificate_made
from tests.servers.google_project import (
    EMAIL,
    HOME,
    KNOWN,
    MEMBER,
    PROJECT,
)
from tests.servers.places import place, worst


class TestKey:
    """The service account's key."""

    def look(
        self,
        info: dict[str, object] | str,
        product: str = "Standard PC",
        *,
        folder: Path,
        env: dict[str, str] | None = None,
    ) -> list[Finding]:
        text = info if isinstance(info, str) else json.dumps(info)
        there = place("eu.gcr.io", Fixed(Login("_json_key", text)), KNOWN)
        (folder / "product").write_text(product, "utf-8")
        machine = Machine(env or {}, folder / "product", folder / "projected")
        return list(key(there, PROJECT, Client("certificates", observe=ignore), machine))

    @pytest.mark.finds("key", "ok")
    def test_it_passes(self, cloud: GoogleCloud, tmp_path: Path) -> None:
        info = cloud.key()
        cloud.keys.append(info["private_key_id"])
        found = self.look(info, folder=tmp_path)
        assert [one.level for one in found] == ["ok", "ok"]
        assert [one.said for one in found] == [f"of {EMAIL}", "1 days old"]

    @pytest.mark.finds("key", "failed")
    def test_one_that_is_cut_fails(self, cloud: GoogleCloud, tmp_path: Path) -> None:
        (finding,) = self.look(json.dumps(cloud.key())[:200], folder=tmp_path)
        assert finding.level == "failed"

    def test_one_whose_private_key_is_none_fails_before_google_is_asked(
        self, cloud: GoogleCloud, tmp_path: Path
    ) -> None:
        file = tmp_path / "key.json"
        file.write_text(json.dumps({**cloud.key(), "private_key": "made up"}), "utf-8")
        there = place("eu.gcr.io", JsonKey(from_file(file)), KNOWN)
        (finding,) = key(
            there, PROJECT, Client("certificates", observe=ignore), Machine({}, tmp_path / "product")
        )
        assert (finding.level, "its private_key has no line" in finding.said) == ("failed", True)
        assert cloud.count("GET") == 0

    def test_one_of_another_project_is_a_warning(self, cloud: GoogleCloud, tmp_path: Path) -> None:
        info = {**cloud.key(), "project_id": "another"}
        cloud.keys.append(str(info["private_key_id"]))
        finding = worst(self.look(info, folder=tmp_path))
        assert (finding.level, "another" in finding.said) == ("warning", True)

    @pytest.mark.finds("key", "warning", "ok")
    def test_an_old_one_is_a_warning_and_a_new_one_made_as_told_is_not(
        self, cloud: GoogleCloud, gcloud: Gcloud, tmp_path: Path
    ) -> None:
        info = cloud.key()
        cloud.keys.append(info["private_key_id"])
        cloud.certificates[info["private_key_id"]] = certificate_made(datetime.now(UTC) - timedelta(days=100))
        finding = worst(self.look(info, folder=tmp_path))
        assert (finding.level, finding.said) == ("warning", "100 days old")
        gcloud.run(finding.fix)
        new = json.loads((tmp_path / "new-key.json").read_text("utf-8"))
        assert worst(self.look(new, folder=tmp_path)).level == "ok"

    @pytest.mark.parametrize(("lasts", "level"), [(89, "ok"), (70, "warning"), (59, "failed")])
    def test_one_that_ends_is_told_in_time(
        self, lasts: int, level: str, cloud: GoogleCloud, tmp_path: Path
    ) -> None:
        info = cloud.key()
        cloud.keys.append(info["private_key_id"])
        made = datetime.now(UTC) - timedelta(days=60)
        cloud.certificates[info["private_key_id"]] = certificate_made(made, timedelta(days=lasts))
        assert worst(self.look(info, folder=tmp_path)).level == level

    def test_one_that_google_does_not_know_any_more_fails(self, cloud: GoogleCloud, tmp_path: Path) -> None:
        finding = worst(self.look(cloud.key(), folder=tmp_path))
        assert (finding.level, "deleted" in finding.said) == ("failed", True)

    def without(self, cloud: GoogleCloud, folder: Path, env: dict[str, str], product: str = "") -> Finding:
        info = cloud.key()
        cloud.keys.append(info["private_key_id"])
        finding = worst(self.look(info, product, folder=folder, env=env))
        assert (finding.level, finding.said.startswith("it is not needed: ")) == ("warning", True)
        return finding

    def test_one_on_a_machine_of_googles_is_a_warning(
        self, cloud: GoogleCloud, gcloud: Gcloud, tmp_path: Path
    ) -> None:
        fix = self.without(cloud, tmp_path, {}, "Google Compute Engine\n").fix
        assert fix.endswith("; then write credentials: {adc: true}")
        (tmp_path / "curl").write_text(f"#!/bin/sh\necho {EMAIL}\n", "utf-8")
        (tmp_path / "curl").chmod(0o755)
        gcloud.run(fix.partition(";")[0])
        assert cloud.holds(HOME.resource, "roles/artifactregistry.writer") == {MEMBER}

    def test_one_on_gke_is_a_warning(self, cloud: GoogleCloud, tmp_path: Path) -> None:
        token = jwt.encode({"sub": "system:serviceaccount:mirror:copier"}, "k" * 32)
        (tmp_path / "projected").write_text(token, "utf-8")
        env = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
        fix = self.without(cloud, tmp_path, env, "Google Compute Engine\n").fix
        assert " --service-account mirror --keyless gke --kubernetes-account mirror/copier --apply" in fix

    @pytest.mark.parametrize(
        ("env", "tells"),
        [
            (
                {"GITLAB_CI": "true", "CI_PROJECT_NAMESPACE": "acme/shop"},
                "--keyless gitlab --namespace acme/shop --login",
            ),
            (
                {
                    "GITLAB_CI": "true",
                    "CI_PROJECT_NAMESPACE": "acme",
                    "CI_SERVER_URL": "https://gitlab.acme.example",
                },
                "--keyless gitlab --namespace acme --issuer https://gitlab.acme.example --login",
            ),
            (
                {
                    "GITHUB_ACTIONS": "true",
                    "GITHUB_REPOSITORY_OWNER": "acme",
                    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://x",
                },
                "--keyless github --namespace acme --login",
            ),
        ],
    )
    def test_one_in_a_job_of_ci_is_a_warning_and_the_fix_makes_the_login_without(
        self,
        env: dict[str, str],
        tells: str,
        cloud: GoogleCloud,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        fix = self.without(cloud, tmp_path, env).fix
        assert tells in fix
        command, _, then = fix.partition(";")
        assert then == " it prints what to write down"
        admin = tmp_path / "admin.json"
        admin.write_text(json.dumps(cloud.key()), "utf-8")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(admin))
        monkeypatch.setattr(Clock, "wait", lambda *_: None)
        monkeypatch.chdir(tmp_path)
        assert main(shlex.split(command)[1:]) == 0
        assert "credentials: {adc: true}" in capsys.readouterr().out
        assert json.loads((tmp_path / "login.json").read_text("utf-8"))["type"] == "external_account"
        where = place("eu.gcr.io", ApplicationDefault(), KNOWN)
        names = [one.name for one in google_login(where, PROJECT, where.client, Machine(env))]
        assert names == ["there: access token"], "there is no key any more"

    def test_a_job_of_github_that_may_not_ask_for_a_token_is_told_how_it_may(
        self, cloud: GoogleCloud, tmp_path: Path
    ) -> None:
        env = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY_OWNER": "acme"}
        assert self.without(cloud, tmp_path, env).fix.endswith("permissions: {id-token: write}")

    def test_one_in_base64_is_read_too(self, cloud: GoogleCloud) -> None:
        text = base64.b64encode(json.dumps(cloud.key()).encode()).decode()
        found = Key.of(Login("_json_key_base64", text))
        assert found is not None
        assert found.member == MEMBER


class TestToken:
    """An access token."""

    @pytest.mark.finds("access token", "ok")
    def test_it_passes_with_a_key_and_with_a_token(self, cloud: GoogleCloud) -> None:
        for login in (Login("_json_key", json.dumps(cloud.key())), Login("oauth2accesstoken", "ya29.x")):
            assert worst(token(place("eu.gcr.io", Fixed(login), KNOWN), PROJECT)).level == "ok"

    @pytest.mark.finds("access token", "failed")
    def test_none_at_all_fails(self) -> None:
        assert worst(token(place("eu.gcr.io"), PROJECT)).level == "failed"

    def test_a_key_that_google_refuses_fails_with_the_reason(self, cloud: GoogleCloud) -> None:
        info = {**cloud.key(), "token_uri": f"{cloud.url}/certificates.googleapis.com"}
        finding = worst(
            token(place("eu.gcr.io", Fixed(Login("_json_key", json.dumps(info))), KNOWN), PROJECT)
        )
        assert finding.level == "failed"
        assert "PRIVATE" not in finding.said

    def look(self, cloud: GoogleCloud, token_uri: str) -> Finding:
        info = {**cloud.key(), "token_uri": token_uri}
        return worst(token(place("eu.gcr.io", Fixed(Login("_json_key", json.dumps(info))), KNOWN), PROJECT))

    @pytest.mark.parametrize(
        ("url", "why", "fix"),
        [
            (
                "http://127.0.0.1:1/token",
                "http://127.0.0.1:1/token: connection refused",
                "curl -v http://127.0.0.1:1/token # is Google's token service reached?",
            ),
            (
                "https://oauth2.invalid/token",
                "https://oauth2.invalid/token: the name oauth2.invalid does not resolve",
                "getent hosts oauth2.invalid # correct host: of the registry, or this machine's DNS",
            ),
        ],
    )
    def test_a_service_that_is_not_reached_fails_with_the_plain_cause_and_a_command(
        self, cloud: GoogleCloud, url: str, why: str, fix: str
    ) -> None:
        finding = self.look(cloud, url)
        said = f"Google's token service does not answer: {why}"
        assert (finding.level, finding.said, finding.fix) == ("failed", said, fix)

    def test_one_that_says_nothing_fails_in_time(
        self, cloud: GoogleCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mirror.checks.credentials.TIMEOUTS", Timeouts(0.2, 0.2))
        with socket.socket() as hole:
            hole.bind(("127.0.0.1", 0))
            hole.listen()
            url = f"http://127.0.0.1:{hole.getsockname()[1]}/token"
            finding = self.look(cloud, url)
        assert finding.said == f"Google's token service does not answer: {url} did not answer in time"

    def test_one_whose_certificate_is_not_trusted_fails_with_that_as_its_cause(
        self, cloud: GoogleCloud, authority: Authority
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server = authority.server("127.0.0.1")
        context.load_cert_chain(server.certificate, server.key)
        with GitLabRegistry(tls=context) as other:
            finding = self.look(cloud, f"https://{other.host}/token")
        assert "its certificate is not trusted (" in finding.said
        assert (finding.level, f"-connect {other.host} " in finding.fix) == ("failed", True)

    def test_a_default_login_that_lacks_is_one_trouble_and_not_that_of_a_key(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
        where = place("eu.gcr.io", ApplicationDefault(), KNOWN)
        (check,) = google_login(where, PROJECT, where.client, Machine({}))
        finding = worst(check.diagnose())
        assert (finding.level, finding.fix) == ("failed", "gcloud auth application-default login")


class TestSecretFile:
    """Who may read it."""

    @pytest.mark.finds("secret file", "warning", "ok")
    def test_one_for_its_owner_passes_one_for_all_warns_and_the_fix_mends_it(
        self, tmp_path: Path, gcloud: Gcloud
    ) -> None:
        file = tmp_path / "key.json"
        file.write_text("secret", "utf-8")
        file.chmod(0o644)
        (finding,) = readable(place("eu.gcr.io"), file)
        assert (finding.level, "0644" in finding.said) == ("warning", True)
        gcloud.shell(finding.fix)
        assert worst(readable(place("eu.gcr.io"), file)).level == "ok"

    @pytest.mark.finds("secret file", "failed", "ok")
    def test_one_that_is_not_there_fails_until_the_fix_makes_it(
        self, cloud: GoogleCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "my key.json"
        finding = worst(readable(place("eu.gcr.io", known=KNOWN), file))
        assert finding.level == "failed"
        admin = tmp_path / "admin.json"
        admin.write_text(json.dumps(cloud.key()), "utf-8")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(admin))
        monkeypatch.setattr(Clock, "wait", lambda *_: None)
        assert main(shlex.split(finding.fix)[1:]) == 0
        assert worst(readable(place("eu.gcr.io"), file)).level == "ok"

    def test_one_that_is_somebody_elses_is_given_to_the_user_that_the_mirror_runs_as(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "key.json").write_text("secret", "utf-8")

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", refuse)
        finding = worst(readable(place("eu.gcr.io"), tmp_path / "key.json"))
        assert finding.fix.startswith(f"sudo chown {os.geteuid()} {tmp_path}/key.json && ")
