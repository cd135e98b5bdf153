"""Secrets: the files and variables that a configuration names are looked at, and never repeated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mirror.config import load
from mirror.demo.google import service_account_key
from mirror.errors import ConfigError

KEY = service_account_key("arctic-goal-676703")
TEXT = """\
registries:
  gitlab:
    kind: gitlab
    host: registry.gitlab.com
    credentials:
      username: mirror
      password_file: token
  gcr:
    kind: google
    host: eu.gcr.io
    project: arctic-goal-676703
    credentials:
      json_key_file: key.json
mirrors:
  - {name: shop, source: gitlab, target: gcr, repositories: [acme/api]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(TEXT)
    (tmp_path / "token").write_text("s3cret")
    (tmp_path / "key.json").write_text(json.dumps(KEY))
    return tmp_path / "config.yaml"


def complaint(file: Path, **env: str) -> str:
    with pytest.raises(ConfigError) as refused:
        load(file, env, secrets=True)
    return str(refused.value)


def test_secrets_that_are_in_order_are_no_complaint(file: Path) -> None:
    assert load(file, {}, secrets=True).mirrors


def test_secrets_are_looked_at_only_when_asked(file: Path) -> None:
    (file.parent / "token").unlink()
    assert load(file, {}).mirrors


def test_a_file_that_is_missing_is_named_with_its_line(file: Path) -> None:
    (file.parent / "token").unlink()
    assert complaint(file).startswith(f"{file}:7: registries.gitlab.credentials.password_file: the file")


def test_an_empty_file_is_no_secret(file: Path) -> None:
    (file.parent / "token").write_text("\n")
    assert "is empty" in complaint(file)


def test_a_key_of_another_kind_is_named_with_its_line_and_not_repeated(file: Path) -> None:
    (file.parent / "key.json").write_text(json.dumps({**KEY, "type": "authorized_user"}))
    said = complaint(file)
    assert said.startswith(f"{file}:13: registries.gcr.credentials.json_key_file: ")
    assert "authorized_user" in said
    assert KEY["private_key"][40:60] not in said


def test_a_key_that_was_cut_is_named_with_its_line_and_file(file: Path) -> None:
    (file.parent / "key.json").write_text(json.dumps({**KEY, "private_key": KEY["private_key"][:500]}))
    said = complaint(file)
    assert said.startswith(
        f"{file}:13: registries.gcr.credentials.json_key_file: the JSON key {file.parent}/key.json"
    )
    assert "was cut" in said


def test_a_key_in_a_variable_that_was_cut_is_named_with_its_line_and_variable(file: Path) -> None:
    file.write_text(TEXT.replace("json_key_file: key.json", "json_key_env: GCR_KEY"))
    said = complaint(file, GCR_KEY=json.dumps(KEY)[:500])
    assert said.startswith(
        f"{file}:13: registries.gcr.credentials.json_key_env: the JSON key in the variable GCR_KEY"
    )


def test_a_variable_that_is_not_set_is_named_with_its_line(file: Path) -> None:
    file.write_text(TEXT.replace("password_file: token", "password_env: GITLAB_TOKEN"))
    assert f"{file}:7: registries.gitlab.credentials.password_env: the variable GITLAB_TOKEN" in complaint(
        file
    )
    assert load(file, {"GITLAB_TOKEN": "s3cret"}, secrets=True).mirrors


def test_an_authority_that_cannot_be_read_is_named_with_its_line(file: Path) -> None:
    file.write_text(TEXT.replace("    kind: gitlab\n", "    kind: gitlab\n    ca_file: ca.pem\n"))
    assert f"{file}:4: registries.gitlab.ca_file: " in complaint(file)
