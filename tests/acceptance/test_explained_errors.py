"""What registries refuse is explained where it is met: below the failure, once, with a command that can be pasted."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mirror.checks.check import DEADLINE
from mirror.demo.access import Account
from mirror.demo.gitlab import GitLabRegistry
from mirror.demo.google import GoogleRegistry
from mirror.demo.images import image
from tests.servers.command import Ran, configuration, gcr_mirror

SECRETS = ("glpat-the-secret-of-the-test", "PRIVATE KEY")


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLabRegistry]:
    with GitLabRegistry(tmp_path / "gitlab", users={"mirror": Account(SECRETS[0], push=())}) as gitlab:
        for name in ("api", "web", "worker"):
            image(name).store(gitlab.storage.repository(f"acme/{name}"), "1.0", "latest")
        yield gitlab


def written(folder: Path, gitlab: str, google: str, key: object) -> Path:
    (folder / "token").write_text(SECRETS[0], "utf-8")
    (folder / "key.json").write_text(json.dumps(key), "utf-8")
    for name in ("token", "key.json"):
        (folder / name).chmod(0o600)
    reached = {"insecure": True}
    source = {"kind": "gitlab", "host": gitlab, "api_url": f"http://{gitlab}"} | reached
    target = {"kind": "google", "host": google, "project": "arctic-goal-676703"} | reached
    return configuration(
        folder,
        source | {"credentials": {"username": "mirror", "password_file": "token"}},
        target | {"credentials": {"json_key_file": "key.json"}},
        repositories=["acme/api", "acme/web", "acme/worker"],
    )


def told_once(ran: Ran, text: str) -> bool:
    assert not any(secret in ran.out + ran.err for secret in SECRETS)
    return (ran.out + ran.err).count(text) == 1


def test_a_repository_that_is_missing_at_google(tmp_path: Path, gitlab: GitLabRegistry) -> None:
    with GoogleRegistry(
        tmp_path / "google", exists=False, location="europe", repository="eu.gcr.io"
    ) as google:
        config = written(tmp_path, gitlab.host, google.host, google.key)
        ran = gcr_mirror("sync", "-c", config, home=tmp_path)
        assert ran.code == 1
        assert told_once(ran, "fix:   gcloud artifacts repositories create ")
        google.exists = True
        assert gcr_mirror("sync", "-c", config, home=tmp_path).code == 0


def test_a_right_that_lacks_at_google_is_named_with_its_place(tmp_path: Path, gitlab: GitLabRegistry) -> None:
    with GoogleRegistry(
        tmp_path / "google", actions=["pull"], location="europe", repository="eu.gcr.io"
    ) as google:
        config = written(tmp_path, gitlab.host, google.host, google.key)
        ran = gcr_mirror("sync", "-c", config, home=tmp_path)
        assert ran.code == 1
        assert told_once(
            ran,
            "gcloud artifacts repositories add-iam-policy-binding eu.gcr.io --location=europe "
            "--project=arctic-goal-676703",
        )


def test_a_token_of_gitlab_that_grants_less(tmp_path: Path, gitlab: GitLabRegistry) -> None:
    gitlab.users["mirror"] = Account(SECRETS[0], pull=("acme/api",), push=())
    with GoogleRegistry(tmp_path / "google") as google:
        ran = gcr_mirror("sync", "-c", written(tmp_path, gitlab.host, google.host, google.key), home=tmp_path)
        assert ran.code == 1
        assert told_once(ran, "cause: GitLab answers a refused right with a token that lacks it.")


def test_a_command_that_cannot_begin_is_explained_too(tmp_path: Path, gitlab: GitLabRegistry) -> None:
    with GoogleRegistry(tmp_path / "google") as google:
        config = written(tmp_path, gitlab.host, google.host, google.key)
        (tmp_path / "token").write_text("glpat-another", "utf-8")
        ran = gcr_mirror("list", "-c", config, "from", home=tmp_path)
        assert ran.code != 0
        assert told_once(ran, "cause: GitLab does not accept the user name and token")


# A name server that never answers, for one name; Python loads this file before the program.
NO_ANSWER = """
import socket, time
resolved = socket.getaddrinfo
def getaddrinfo(host, *rest, **more):
    if host in ("registry.hole.example", b"registry.hole.example"):
        time.sleep(600)
    return resolved(host, *rest, **more)
socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture
def holes() -> Iterator[list[str]]:
    """Hosts that take connections and then say nothing."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(4)]
        for hole in found:
            hole.bind(("127.0.0.1", 0))
            hole.listen(8)
        yield [f"127.0.0.1:{hole.getsockname()[1]}" for hole in found]


def test_check_answers_when_every_host_is_a_black_hole(tmp_path: Path, holes: list[str]) -> None:
    source, api, target, token_service = holes
    with GoogleRegistry(tmp_path / "google") as google:
        key = {**google.key, "token_uri": f"http://{token_service}/token"}
    config = written(tmp_path, source, target, key)
    read = json.loads(config.read_text("utf-8"))
    read["registries"]["from"]["api_url"] = f"http://{api}"
    read["registries"]["named"] = {"kind": "oci", "host": "registry.hole.example"}
    config.write_text(json.dumps(read), "utf-8")
    (tmp_path / "sitecustomize.py").write_text(NO_ANSWER, "utf-8")
    began = time.monotonic()
    ran = gcr_mirror("check", "-c", config, "--json", home=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    # The deadline of the checks is what counts; on a busy machine Python alone takes seconds to start.
    assert (ran.code, DEADLINE + 1 <= 10, time.monotonic() - began < 15) == (1, True, True)
    failed = {one["check"]: one for one in json.loads(ran.out)["findings"] if one["level"] == "failed"}
    hosts = {
        "from: answers": source,
        "to: answers": target,
        "to: access token": token_service,
        "named: dns": "registry.hole.example",
    }
    assert failed.keys() == hosts.keys()
    for name, host in hosts.items():
        assert host in failed[name]["said"] + failed[name]["tried"]
        assert (host in failed[name]["fix"], failed[name]["fix"].count("\n")) == (True, 0)
