"""Where logins are kept, and what is said when they cannot be had; never the secret."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mirror.errors import ConfigError
from mirror.oci.auth import IDENTITY_TOKEN, Login
from mirror.registries.credentials import DockerConfig, Password, from_file, from_variable


class TestFiles:
    @pytest.mark.parametrize(
        ("raw", "secret"),
        [
            (b"hunter2", "hunter2"),
            (b"hunter2\n", "hunter2"),
            (b"hunter2\r\n", "hunter2"),
            (b" hunter 2 \n", " hunter 2 "),
            (b"\xef\xbb\xbfhunter2\r\n", "hunter2"),
            ("schlüssel\n".encode(), "schlüssel"),
        ],
    )
    def test_the_line_end_of_an_editor_is_no_part_of_the_secret(
        self, tmp_path: Path, raw: bytes, secret: str
    ) -> None:
        (tmp_path / "secret").write_bytes(raw)
        assert from_file(tmp_path / "secret")() == secret

    def test_a_secret_that_was_replaced_is_read_anew(self, tmp_path: Path) -> None:
        file = tmp_path / "secret"
        login = Password("mirror", from_file(file)).login
        for secret in ("one", "two"):
            file.write_text(secret)
            assert login() == Login("mirror", secret)

    @pytest.mark.parametrize(
        ("write", "said"),
        [
            (lambda file: None, "No such file"),
            (lambda file: file.mkdir(), "Is a directory"),
            (lambda file: file.write_bytes(b""), "is empty"),
            (lambda file: file.write_bytes(b"\n"), "is empty"),
            (lambda file: file.write_bytes(b"\xff\xfe\x00"), "not text"),
        ],
    )
    def test_a_file_that_gives_none_is_named(
        self, tmp_path: Path, write: Callable[[Path], object], said: str
    ) -> None:
        file = tmp_path / "secret"
        write(file)
        with pytest.raises(ConfigError, match=said) as raised:
            from_file(file)()
        assert str(file) in str(raised.value)


class TestVariables:
    def test_a_variable_is_read_when_it_is_used(self) -> None:
        env: dict[str, str] = {}
        read = from_variable("TOKEN", env)
        env["TOKEN"] = "hunter2"
        assert read() == "hunter2"

    @pytest.mark.parametrize("env", [{}, {"TOKEN": ""}])
    def test_one_that_gives_none_is_named(self, env: dict[str, str]) -> None:
        with pytest.raises(ConfigError, match="TOKEN is not set, or empty"):
            from_variable("TOKEN", env)()


def basic(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Write Docker's configuration."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))

    def write(config: Any) -> None:
        text = config if isinstance(config, str) else json.dumps(config)
        (tmp_path / "config.json").write_text(text)

    return write


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write a credential helper `docker-credential-test`, a shell script that finds the host in $host."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    def write(script: str) -> None:
        program = programs / "docker-credential-test"
        program.write_text(f"#!/bin/sh\nread -r host\n{script}\n")
        program.chmod(0o755)

    return write


NOT_FOUND = 'echo "credentials not found in native keychain"; exit 1'


class TestDockersConfiguration:
    def test_without_a_file_access_is_anonymous(self, docker: Callable[[Any], None]) -> None:
        assert DockerConfig("h", "p").login() is None

    @pytest.mark.parametrize(
        "key", ["h:5000", "https://h:5000", "http://h:5000/", "h:5000/v2/", "https://h:5000/v1/"]
    )
    def test_a_host_may_be_written_in_many_ways(self, docker: Callable[[Any], None], key: str) -> None:
        docker({"auths": {key: basic("u", "p:with:colons")}})
        assert DockerConfig("h:5000", "acme/app").login() == Login("u", "p:with:colons")
        assert DockerConfig("h:5001", "acme/app").login() is None
        assert DockerConfig("h", "5000").login() is None

    @pytest.mark.parametrize(
        ("path", "user"),
        [
            ("one/app", "one"),
            ("one", "one"),
            ("one/deep/app", "deep"),
            ("two/app", "two"),
            ("onetwo/app", "all"),
        ],
    )
    def test_the_longest_key_that_fits_wins_part_by_part(
        self, docker: Callable[[Any], None], path: str, user: str
    ) -> None:
        names = {
            "eu.gcr.io": "all",
            "eu.gcr.io/one": "one",
            "eu.gcr.io/two": "two",
            "eu.gcr.io/one/deep": "deep",
        }
        docker({"auths": {key: basic(name, "p") for key, name in names.items()}})
        login = DockerConfig("eu.gcr.io", path).login()
        assert login
        assert login.username == user

    def test_an_identity_token_is_kept_apart(self, docker: Callable[[Any], None]) -> None:
        docker({"auths": {"h": {"auth": basic("u", "")["auth"], "identitytoken": "refresh"}}})
        assert DockerConfig("h").login() == Login(IDENTITY_TOKEN, "refresh")

    def test_an_entry_without_anything_is_anonymous(self, docker: Callable[[Any], None]) -> None:
        docker({"auths": {"h": {}}})
        assert DockerConfig("h").login() is None

    def test_a_helper_of_the_host_wins(
        self, docker: Callable[[Any], None], helper: Callable[[str], None]
    ) -> None:
        docker({"auths": {"h": basic("file", "p")}, "credHelpers": {"h": "test"}})
        helper(
            'echo "{\\"ServerURL\\": \\"$host\\", \\"Username\\": \\"helped\\", \\"Secret\\": \\"s-$host\\"}"'
        )
        assert DockerConfig("h").login() == Login("helped", "s-h")
        assert DockerConfig("other").login() is None

    def test_a_helper_may_keep_an_identity_token(
        self, docker: Callable[[Any], None], helper: Callable[[str], None]
    ) -> None:
        docker({"credsStore": "test"})
        helper('echo "{\\"Username\\": \\"<token>\\", \\"Secret\\": \\"refresh\\"}"')
        assert DockerConfig("h").login() == Login(IDENTITY_TOKEN, "refresh")

    def test_what_a_store_does_not_have_may_stand_in_the_file(
        self, docker: Callable[[Any], None], helper: Callable[[str], None]
    ) -> None:
        auths = {"eu.gcr.io/one": basic("one", "p"), "eu.gcr.io/two": basic("two", "p")}
        docker({"auths": auths, "credsStore": "test"})
        helper(NOT_FOUND)
        assert DockerConfig("eu.gcr.io", "two/app").login() == Login("two", "p")
        assert DockerConfig("elsewhere", "two/app").login() is None

    @pytest.mark.parametrize(
        "script", ["exit 1", "echo nonsense; exit 0", 'echo "glpat-0123456789abcdefghij is locked"; exit 1']
    )
    def test_a_helper_that_fails_is_named_and_what_it_said_is_no_leak(
        self, docker: Callable[[Any], None], helper: Callable[[str], None], script: str
    ) -> None:
        docker({"credHelpers": {"h": "test"}})
        helper(script)
        with pytest.raises(ConfigError, match="no usable login for h") as raised:
            DockerConfig("h").login()
        assert "glpat-0123456789" not in str(raised.value)

    def test_a_helper_that_is_not_installed_is_named(self, docker: Callable[[Any], None]) -> None:
        docker({"credHelpers": {"h": "no-such-helper"}})
        with pytest.raises(ConfigError, match="docker-credential-no-such-helper"):
            DockerConfig("h").login()

    @pytest.mark.parametrize("text", ["{", "[1]", '{"auths": {"h": {"auth": "%%%"}}}', '{"auths": 5}'])
    def test_a_file_that_cannot_be_read_is_told(self, docker: Callable[[Any], None], text: str) -> None:
        docker(text)
        with pytest.raises(ConfigError, match=r"config\.json|no usable login"):
            DockerConfig("h").login()
