"""Every login that works at Google, with google-auth's own signing and refreshing, on loopback."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.oauth2 import service_account

from mirror.bootstrap.connection import connect
from mirror.checks.federation import Federation
from mirror.demo.faults import answer_with
from mirror.demo.google import GoogleRegistry
from mirror.demo.messages import json_answer
from mirror.errors import ConfigError, Unauthorized
from mirror.events import ignore
from mirror.oci.auth import Credential, Fixed, Login
from mirror.registries.credentials import DockerConfig, from_file, from_variable
from mirror.registries.denials import explain
from mirror.registries.google_auth import SCOPES, AccessTokens, ApplicationDefault, application_default
from mirror.registries.json_key import JsonKey
from tests.servers.google_cloud import GoogleCloud, keep_on_loopback
from tests.servers.metadata import MetadataServer
from tests.servers.waiting import Instant

PROJECT = "arctic-goal-676703"
PATH = f"{PROJECT}/gitlab/acme/api"
EMAIL = f"mirror@{PROJECT}.iam.gserviceaccount.com"


class Time:
    """What the clock on the wall says."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleCloud]:
    with GoogleCloud() as google:
        keep_on_loopback(monkeypatch, google)
        yield google


@pytest.fixture
def registry() -> Iterator[GoogleRegistry]:
    with GoogleRegistry(project=PROJECT) as registry:
        yield registry


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def key_file(google: GoogleCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(google.key()), "utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    return file


def pushes(registry: GoogleRegistry, credential: Credential) -> bool:
    """Whether an upload is granted."""
    found = connect(registry.host, credential, observe=ignore, clock=Instant(), insecure=True)
    scopes = (f"repository:{PATH}:pull,push",)
    answer = found.request("POST", f"/v2/{PATH}/blobs/uploads/", scopes, body=b"", accept=(202,))
    return answer.status == 202


def wait_for_renewal(tokens: AccessTokens) -> None:
    assert tokens._renewal is not None
    tokens._renewal.join(10)


Given = Callable[[GoogleRegistry, Path, pytest.MonkeyPatch], Credential]


def key_in_a_file(registry: GoogleRegistry, folder: Path, _env: pytest.MonkeyPatch) -> Credential:
    (folder / "key.json").write_text(json.dumps(registry.key, indent=2) + "\n", "utf-8")
    return JsonKey(from_file(folder / "key.json"))


def key_in_a_variable(registry: GoogleRegistry, _folder: Path, _env: pytest.MonkeyPatch) -> Credential:
    return JsonKey(from_variable("KEY", {"KEY": json.dumps(registry.key)}))


def key_in_base64(registry: GoogleRegistry, _folder: Path, _env: pytest.MonkeyPatch) -> Credential:
    text = base64.encodebytes(json.dumps(registry.key).encode()).decode()
    return JsonKey(from_variable("KEY", {"KEY": text}))


def docker_login(registry: GoogleRegistry, folder: Path, env: pytest.MonkeyPatch) -> Credential:
    key = base64.b64encode(json.dumps(registry.key).encode()).decode()
    auth = base64.b64encode(f"_json_key_base64:{key}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}), "utf-8")
    env.setenv("DOCKER_CONFIG", str(folder))
    return DockerConfig(registry.host)


def credential_helper(registry: GoogleRegistry, folder: Path, env: pytest.MonkeyPatch) -> Credential:
    registry.access_tokens.add("ya29.helped")
    helper = folder / "docker-credential-gcloud"
    secret = json.dumps({"ServerURL": registry.host, "Username": "_dcgcloud_token", "Secret": "ya29.helped"})
    helper.write_text(
        f"#!/bin/sh\ncat >/dev/null\necho '{secret.replace('_dcgcloud_token', '_token')}'\n", "utf-8"
    )
    helper.chmod(0o755)
    env.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    (folder / "config.json").write_text(json.dumps({"credHelpers": {registry.host: "gcloud"}}), "utf-8")
    env.setenv("DOCKER_CONFIG", str(folder))
    return DockerConfig(registry.host)


def access_tokens(registry: GoogleRegistry, _folder: Path, _env: pytest.MonkeyPatch) -> Credential:
    return AccessTokens(
        lambda: service_account.Credentials.from_service_account_info(registry.key, scopes=SCOPES)
    )


@pytest.mark.parametrize(
    "given",
    [key_in_a_file, key_in_a_variable, key_in_base64, docker_login, credential_helper, access_tokens],
    ids=lambda given: given.__name__,
)
def test_every_login_may_push(
    given: Given, registry: GoogleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pushes(registry, given(registry, tmp_path, monkeypatch))


def test_a_token_is_used_until_its_last_quarter_of_an_hour_and_renewed_beside_the_work(
    google: GoogleCloud, key_file: Path, time: Time
) -> None:
    tokens = AccessTokens(application_default, time)
    first = tokens.login()
    time.passes(44)
    assert tokens.login() == first
    assert len(google.assertions) == 1
    time.passes(2)
    assert tokens.login() == first, "nobody waits for the renewal"
    wait_for_renewal(tokens)
    assert tokens.login() != first
    assert google.assertions == [EMAIL, EMAIL]


def test_nothing_begins_with_a_token_that_is_about_to_end(
    google: GoogleCloud, key_file: Path, time: Time
) -> None:
    tokens = AccessTokens(application_default, time)
    first = tokens.login()
    time.passes(56)
    assert tokens.login() != first


def test_a_renewal_that_fails_is_tried_again_a_minute_later_and_told_only_at_the_end(
    google: GoogleCloud, key_file: Path, time: Time
) -> None:
    tokens = AccessTokens(application_default, time)
    first = tokens.login()
    refusal = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    google.faults.add(answer_with(json_answer(refusal, 400)), path="oauth2", times=None)
    time.passes(46)
    for _ in range(3):
        assert tokens.login() == first
        wait_for_renewal(tokens)
    asked = google.count("POST", "oauth2")
    time.passes(2)
    assert tokens.login() == first
    wait_for_renewal(tokens)
    assert google.count("POST", "oauth2") == 2 * asked - 1
    time.passes(10)
    with pytest.raises(Unauthorized, match="Invalid JWT Signature") as refused:
        tokens.login()
    explanation = explain(refused.value)
    assert explanation is not None
    assert explanation.key == "google-key-revoked"
    assert "PRIVATE KEY" not in repr(refused.value)


def test_many_who_wait_for_a_token_ask_for_one(google: GoogleCloud, key_file: Path) -> None:
    tokens, found = AccessTokens(application_default), set[str]()
    threads = [threading.Thread(target=lambda: found.add(tokens.login().password)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 1
    assert google.assertions == [EMAIL]


def test_a_key_file_that_was_replaced_is_used_for_the_next_token(
    google: GoogleCloud, key_file: Path, time: Time
) -> None:
    tokens = AccessTokens(application_default, time)
    tokens.login()
    other = {**google.key(), "client_email": "other@example.iam.gserviceaccount.com"}
    key_file.write_text(json.dumps(other), "utf-8")
    time.passes(57)
    tokens.login()
    assert google.assertions == [EMAIL, "other@example.iam.gserviceaccount.com"]


def test_a_job_of_gitlab_acts_as_the_service_account(
    google: GoogleCloud, tmp_path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.enabled.add("iamcredentials")
    federation = Federation.of("gitlab", PROJECT, "acme", None)
    token_file = tmp_path / "token"
    login = federation.credentials(google.number, EMAIL, str(token_file))
    for host in ("sts", "iamcredentials"):
        login = login.replace(f"https://{host}.googleapis.com", f"{google.url}/{host}.googleapis.com")
    (tmp_path / "login.json").write_text(login, "utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "login.json"))
    tokens = AccessTokens(application_default, time)
    for job in ("the first job's token", "the next job's token"):
        token_file.write_text(job, "utf-8")
        assert tokens.login().password in google.tokens
        time.passes(57)
    assert google.assertions == ["the first job's token", EMAIL, "the next job's token", EMAIL]


def test_a_job_that_may_not_act_as_the_account_is_told_so(
    google: GoogleCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.enabled.add("iamcredentials")
    google.denied = {"iam.serviceAccounts.getAccessToken"}
    (tmp_path / "token").write_text("a job's token", "utf-8")
    login = Federation.of("gitlab", PROJECT, "acme", None).credentials("1", EMAIL, str(tmp_path / "token"))
    for host in ("sts", "iamcredentials"):
        login = login.replace(f"https://{host}.googleapis.com", f"{google.url}/{host}.googleapis.com")
    (tmp_path / "login.json").write_text(login, "utf-8")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "login.json"))
    with pytest.raises(Unauthorized) as refused:
        ApplicationDefault().login()
    explanation = explain(refused.value)
    assert explanation is not None
    assert explanation.key == "google-impersonation-denied"


def test_a_workload_on_gke_logs_in_as_what_the_machine_says(tmp_path: Path) -> None:
    script = "from mirror.registries.google_auth import ApplicationDefault as A; print(A().login().password)"
    with MetadataServer() as metadata:
        env = {"HOME": str(tmp_path), "GCE_METADATA_HOST": metadata.host, "GCE_METADATA_IP": metadata.host}
        made = subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False, timeout=60
        )
    assert (made.stdout.strip(), made.returncode) == (MetadataServer.token, 0), made.stderr


def test_a_machine_without_any_login_is_told_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match="gcloud auth application-default login"):
        ApplicationDefault().login()


class Changing:
    """A secret that is replaced."""

    def __init__(self, value: Login) -> None:
        self.value = value

    def login(self) -> Login:
        return self.value


def test_a_login_that_was_refused_is_not_tried_again_until_it_has_changed(registry: GoogleRegistry) -> None:
    good: dict[str, Any] = registry.key
    secret = Changing(Login("_json_key", json.dumps({**good, "private_key_id": "an old one"})))
    found = connect(registry.host, secret, observe=ignore, clock=Instant(), insecure=True)
    scopes = (f"repository:{PATH}:pull,push",)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            found.request("POST", f"/v2/{PATH}/blobs/uploads/", scopes, body=b"", accept=(202,))
    assert registry.count("GET", "/v2/token") == 1
    secret.value = Login("_json_key", json.dumps(good))
    assert found.request("POST", f"/v2/{PATH}/blobs/uploads/", scopes, body=b"", accept=(202,)).status == 202


def test_a_key_mangled_on_its_way_is_told_apart_from_a_wrong_one(registry: GoogleRegistry) -> None:
    broken = Fixed(Login("_json_key", json.dumps(registry.key)[:-40]))
    with pytest.raises(Unauthorized) as refused:
        pushes(registry, broken)
    explanation = explain(refused.value)
    assert explanation is not None
    assert explanation.key == "google-unreadable-key"
