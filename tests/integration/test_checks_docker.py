"""Logins that Docker keeps: Google's two credential helpers, and what `check` says of one that gives none."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mirror.checks.check import Check, Finding, run
from mirror.checks.credentials import google_login
from mirror.checks.docker_login import docker_login
from mirror.checks.gitlab import pulls
from mirror.checks.keyless import Machine
from mirror.oci.auth import Login
from mirror.registries.credentials import DockerConfig
from tests.servers.gcloud import Gcloud
from tests.servers.google_cloud import GoogleCloud
from tests.servers.places import place, worst

HOST = "eu.gcr.io"
CREDENTIAL = DockerConfig(HOST, "arctic-goal-676703")
# What Google's helpers answer; this is the user name of gcloud's.
ANSWER = json.dumps({"ServerURL": HOST, "Username": "_dcgcloud_token", "Secret": "ya29.helped"})

Helper = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))  # this machine may have helpers of its own
    return tmp_path


@pytest.fixture
def helper(folder: Path) -> Helper:
    """Write an executable of exactly this name, which does what the script says with the host in $host."""

    def write(name: str, script: str) -> None:
        program = folder / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n[ $1 = get ] && read -r host\n{script}\n", "utf-8")
        program.chmod(0o755)

    return write


def configured(folder: Path, name: str, kind: str) -> None:
    found = {"credHelpers": {HOST: name}} if kind == "credHelpers" else {"credsStore": name}
    (folder / "config.json").write_text(json.dumps(found), "utf-8")
    (folder / "config.json").chmod(0o600)


def look() -> Finding:
    (check,) = docker_login(place(HOST, CREDENTIAL))
    return worst(check.diagnose())


@pytest.mark.parametrize("kind", ["credHelpers", "credsStore"])
@pytest.mark.parametrize("name", ["gcloud", "gcr"])
class TestHelpers:
    """docker-credential-gcloud and docker-credential-gcr."""

    def test_it_gives_the_login(self, name: str, kind: str, folder: Path, helper: Helper) -> None:
        configured(folder, name, kind)
        helper(name, f"[ \"$host\" = {HOST} ] && echo '{ANSWER}'")
        assert CREDENTIAL.login() == Login("_dcgcloud_token", "ya29.helped")
        assert (look().level, look().said) == ("ok", f"docker-credential-{name} has one")

    def test_one_that_is_not_installed_fails_with_how_to_have_it(
        self, name: str, kind: str, folder: Path, helper: Helper
    ) -> None:
        configured(folder, name, kind)
        finding = look()
        assert (finding.level, "is not installed" in finding.said) == ("failed", True)
        assert {"gcloud": "google-cloud-cli", "gcr": "go install github.com/"}[name] in finding.fix
        helper(name, f"echo '{ANSWER}'")
        assert look().level == "ok"

    @pytest.mark.finds("docker login", "failed", "ok")
    def test_one_that_is_not_logged_in_fails_until_the_fix_is_run(
        self, name: str, kind: str, folder: Path, helper: Helper
    ) -> None:
        configured(folder, name, kind)
        helper(
            name,
            f"[ $1 = gcr-login ] && {{ : >{folder}/in; exit; }}\n"
            f"[ -e {folder}/in ] && {{ echo '{ANSWER}'; exit; }}\necho 'not logged in: ya29.secret'; exit 1",
        )
        finding = look()
        assert (finding.level, "ya29.secret" in str(finding)) == ("failed", False)
        with GoogleCloud() as cloud:
            gcloud = Gcloud(folder, cloud)
            (folder / "gcloud").write_text(f'#!/bin/sh\n[ "$*" = "auth login" ] && : >{folder}/in\n')
            gcloud.shell(finding.fix)
        assert look().level == "ok"


def test_another_helper_is_named_with_a_command_that_shows_what_it_says(folder: Path, helper: Helper) -> None:
    configured(folder, "pass", "credsStore")
    assert "docker-credential-pass" in look().fix
    helper("pass", "exit 1")
    assert look().fix == f"echo {HOST} | docker-credential-pass get # says why"


@pytest.mark.finds("docker login", "warning", "ok")
def test_a_login_in_the_file_that_everybody_may_read_is_a_warning_until_the_fix(folder: Path) -> None:
    auth = base64.b64encode(b"_json_key:secret").decode()
    file = folder / "config.json"
    file.write_text(json.dumps({"auths": {HOST: {"auth": auth}}}), "utf-8")
    file.chmod(0o644)
    finding = look()
    assert finding.level == "warning"
    subprocess.run(["/bin/sh", "-c", finding.fix], check=True, env={"PATH": "/usr/bin:/bin"})
    assert look().level == "ok"


def test_a_file_that_is_none_fails(folder: Path) -> None:
    (folder / "config.json").write_text("{", "utf-8")
    assert (look().level, look().fix) == ("failed", f"docker login {HOST}")


def test_without_a_file_there_is_nothing_to_check() -> None:
    assert docker_login(place(HOST, CREDENTIAL)) == []


def test_a_helper_that_lacks_is_one_trouble_and_not_that_of_all_who_need_the_login(folder: Path) -> None:
    configured(folder, "gcloud", "credHelpers")
    there = place(HOST, CREDENTIAL)
    ours = [*docker_login(there), *pulls(there, ["acme/api"])]
    ours += google_login(there, "arctic-goal-676703", there.client, Machine({}))
    found = run([Check("there: answers", list), *(replace(one, known={}) for one in ours)])
    assert [(one.check, one.level) for one in found] == [("there: docker login", "failed")]
