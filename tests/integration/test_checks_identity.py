"""Whom a fix grants a role to: the principal of each kind of login, found out from the login itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from mirror.checks.federation import Federation
from mirror.checks.grants import binding
from mirror.checks.identity import known, member
from mirror.checks.resource import repository
from mirror.oci.auth import Fixed, Login
from mirror.registries.artifact_registry import Home
from mirror.registries.google_auth import ApplicationDefault
from tests.servers.google_cloud import GoogleCloud
from tests.servers.metadata import MetadataServer

PROJECT = "arctic-goal-676703"
EMAIL = f"mirror@{PROJECT}.iam.gserviceaccount.com"
POOL = "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/ci"


def login_file(folder: Path, monkeypatch: pytest.MonkeyPatch, content: object) -> None:
    file = folder / "login.json"
    file.write_text(json.dumps(content), "utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))


def test_a_key_names_its_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with GoogleCloud() as cloud:
        key = cloud.key()
    assert member(Fixed(Login("_json_key", json.dumps(key)))) == f"serviceAccount:{EMAIL}"
    login_file(tmp_path, monkeypatch, key)
    assert member(ApplicationDefault()) == f"serviceAccount:{EMAIL}"


def test_a_federation_that_impersonates_is_the_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Federation.of("gitlab", PROJECT, "acme", None).credentials("1", EMAIL, str(tmp_path / "token"))
    login_file(tmp_path, monkeypatch, json.loads(text))
    assert member(ApplicationDefault()) == f"serviceAccount:{EMAIL}"


def test_a_federation_that_acts_as_itself_is_the_subject_of_its_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Federation.of("gitlab", PROJECT, "acme", None).credentials("1", EMAIL, str(tmp_path / "token"))
    direct = {**json.loads(text), "audience": f"{POOL}/providers/gitlab"}
    del direct["service_account_impersonation_url"]
    login_file(tmp_path, monkeypatch, direct)
    subject = "project_path:acme/shop:ref_type:branch:ref:main"
    (tmp_path / "token").write_text(jwt.encode({"sub": subject}, "k" * 32), "utf-8")
    assert member(ApplicationDefault()) == f"principal:{POOL}/subject/{subject}"
    (tmp_path / "token").write_text(jwt.encode({"sub": f"{subject}$(reboot)"}, "k" * 32), "utf-8")
    assert member(ApplicationDefault()) == "", "the name of a branch is no command"
    (tmp_path / "token").write_text("no token", "utf-8")
    assert member(ApplicationDefault()) == ""


def test_a_person_is_left_to_the_shell_to_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
    login_file(tmp_path, monkeypatch, {**person, "type": "authorized_user"})
    found = member(ApplicationDefault())
    assert not known(found)
    command = binding(repository(Home.of("eu.gcr.io", PROJECT)), "add", "roles/x", found, PROJECT)
    script = f'gcloud() {{ if [ "$1" = config ]; then echo ann@example.com; else echo "$@"; fi; }}; {command}'
    done = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True)
    assert "--member=user:ann@example.com " in done.stdout


def on_a_machine(metadata: MetadataServer, folder: Path) -> str:
    script = (
        "import sys; from pathlib import Path; from mirror.checks.identity import member; "
        "from mirror.registries.google_auth import ApplicationDefault as A; "
        "print(member(A(), Path(sys.argv[1])))"
    )
    env = {"HOME": str(folder), "GCE_METADATA_HOST": metadata.host, "GCE_METADATA_IP": metadata.host}
    argv = [sys.executable, "-c", script, str(folder / "projected")]
    return subprocess.run(
        argv, env=env, capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_a_machine_of_googles_asks_its_metadata_server(tmp_path: Path) -> None:
    with MetadataServer() as metadata:
        assert on_a_machine(metadata, tmp_path) == f"serviceAccount:{MetadataServer.account}"


def test_a_workload_of_gke_without_an_account_is_its_kubernetes_account(tmp_path: Path) -> None:
    token = jwt.encode({"sub": "system:serviceaccount:mirror:gcr-mirror"}, "k" * 32)
    (tmp_path / "projected").write_text(token, "utf-8")
    with MetadataServer() as metadata:
        metadata.account = f"{PROJECT}.svc.id.goog"
        found = on_a_machine(metadata, tmp_path)
    assert found.startswith("principal://iam.googleapis.com/projects/$(gcloud projects describe ")
    assert found.endswith(f"/workloadIdentityPools/{PROJECT}.svc.id.goog/subject/ns/mirror/sa/gcr-mirror")


def test_an_access_token_does_not_tell() -> None:
    assert member(Fixed(Login("oauth2accesstoken", "ya29.x"))) == ""
