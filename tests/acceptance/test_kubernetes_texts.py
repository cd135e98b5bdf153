"""`gcr-mirror kubernetes pull-secret`, `failover-policy` and `containerd`: what they print, keep and refuse."""

from __future__ import annotations

import base64
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from mirror.demo.google import service_account_key
from tests.servers.command import Ran, configuration, gcr_mirror


@cache
def key(name: str) -> str:
    return json.dumps({**service_account_key("acme-prod"), "client_email": email(name)})


def email(name: str) -> str:
    return f"{name}@acme-prod.iam.gserviceaccount.com"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "pusher.json").write_text(key("mirror"))
    (tmp_path / "reader.json").write_text(key("reader"))
    google = {"kind": "google", "host": "eu.gcr.io", "project": "acme-prod"}
    return configuration(
        tmp_path,
        {"kind": "gitlab", "host": "registry.example"},
        google | {"credentials": {"json_key_file": "pusher.json"}},
        repositories=["acme/**"],
        prefix="gitlab",
    )


def kubernetes(config: Path, *words: str | Path) -> Ran:
    return gcr_mirror("kubernetes", words[0], "-c", config, *words[1:], home=config.parent)


def documents(text: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe").load_all(text))


def test_a_pull_secret_of_the_reader_is_written_for_its_owner_only(tmp_path: Path, config: Path) -> None:
    file = tmp_path / "secret.yaml"
    words = ("--namespace", "shop", "--namespace", "web", "--key-file", tmp_path / "reader.json", "-o", file)
    ran = kubernetes(config, "pull-secret", *words)
    assert (ran.code, ran.out) == (0, "")
    assert file.stat().st_mode & 0o777 == 0o600
    found = documents(file.read_text())
    for one in found:
        kubernetes_validate.validate(one, "1.36", strict=True)
    assert [(one["kind"], one["metadata"]["namespace"]) for one in found] == [
        ("Secret", "shop"),
        ("ServiceAccount", "shop"),
        ("Secret", "web"),
        ("ServiceAccount", "web"),
    ]
    auths = json.loads(base64.b64decode(found[0]["data"][".dockerconfigjson"]))["auths"]
    assert auths["eu.gcr.io"]["password"] == key("reader")


def test_the_mirrors_own_key_is_refused_unless_forced(tmp_path: Path, config: Path) -> None:
    words = ("pull-secret", "--namespace", "shop", "--key-file", tmp_path / "pusher.json")
    ran = kubernetes(config, *words)
    assert ran.code == 2
    assert "the mirror itself pushes as (mirror@acme-prod" in ran.err
    assert kubernetes(config, *words, "--force").code == 0


def adc(kind: str, impersonated: str = "") -> str:
    """What gcloud or a workload identity pool leaves as Application Default Credentials."""
    iam = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
    url = f"{iam}/{email(impersonated)}:generateAccessToken" if impersonated else None
    return json.dumps({"type": kind} | ({"service_account_impersonation_url": url} if url else {}))


@pytest.mark.parametrize(
    ("default", "code", "says"),
    [
        (key("reader"), 2, "this is who the mirror itself pushes as (reader@acme-prod"),
        (adc("external_account", "reader"), 2, "pushes as"),
        (adc("impersonated_service_account", "reader"), 2, "pushes as"),
        (adc("external_account", "mirror"), 0, f"was compared with {email('mirror')}"),
        (adc("external_account"), 0, "was not compared"),
        (adc("authorized_user"), 0, "was not compared"),
        (None, 0, "was not compared"),
        ("{", 0, "was not compared"),
    ],
    ids=["key", "federation", "impersonation", "another", "pool", "person", "none", "broken"],
)
def test_a_mirror_without_a_key_is_compared_as_far_as_its_account_is_known(
    tmp_path: Path, config: Path, default: str | None, code: int, says: str
) -> None:
    config.write_text(config.read_text().replace('"json_key_file": "pusher.json"', '"adc": true'))
    gcloud = tmp_path / ".config" / "gcloud" / "application_default_credentials.json"
    gcloud.parent.mkdir(parents=True)
    if default:
        gcloud.write_text(default)
    words = ("pull-secret", "--namespace", "shop", "--key-file", tmp_path / "reader.json")
    ran = kubernetes(config, *words)
    assert (ran.code, bool(ran.out)) == (code, code == 0)
    assert says in ran.err
    assert email("reader") in ran.err
    forced = kubernetes(config, *words, "--force")
    assert (forced.code, forced.err) == (0, "")


def test_a_mirror_whose_key_is_elsewhere_is_said_not_to_be_compared(tmp_path: Path, config: Path) -> None:
    (tmp_path / "pusher.json").unlink()
    ran = kubernetes(config, "pull-secret", "--namespace", "shop", "--key-file", tmp_path / "reader.json")
    assert (ran.code, f"{email('reader')} was not compared" in ran.err) == (0, True)
    (tmp_path / "pusher.json").write_text(key("pusher"))
    ran = kubernetes(config, "pull-secret", "--namespace", "shop", "--key-file", tmp_path / "reader.json")
    assert (ran.code, ran.err) == (0, "")


def test_the_mirrors_own_name_at_another_host_is_refused_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2")
    mirror = {
        "kind": "oci",
        "host": "mirror.example",
        "credentials": {"username": "m", "password_env": "UNSET"},
    }
    config = configuration(
        tmp_path, {"kind": "gitlab", "host": "registry.example"}, mirror, repositories=["a"]
    )
    words = ("pull-secret", "--namespace", "shop", "--password-file", tmp_path / "password", "--username")
    assert kubernetes(config, *words, "m").code == 2
    assert kubernetes(config, *words, "reader").code == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ('{"type": "authorized_user", "refresh_token": "MADE-UP"}', "not a service account's key"),
        ('{"type": "service_account", "client_email": "a@b"}', "lacks private_key, project_id"),
        (json.dumps({**json.loads(key("reader")), "private_key": "MADE-UP"}), "its private_key has no line"),
        (
            key("reader").replace("KEY-----\\n", "KEY-----\\nMADE", 1),
            "its private_key is no private key: it was cut",
        ),
    ],
)
def test_a_key_that_is_not_valid_is_refused_and_not_shown(
    tmp_path: Path, config: Path, text: str, says: str
) -> None:
    (tmp_path / "bad.json").write_text(text)
    output = tmp_path / "secret.yaml"
    words = ("--namespace", "shop", "--key-file", tmp_path / "bad.json", "-o", output)
    ran = kubernetes(config, "pull-secret", *words)
    assert (ran.code, says in ran.err, "MADE-UP" in ran.err, output.exists()) == (2, True, False, False)
    assert ran.err.startswith(f"gcr-mirror: the JSON key {tmp_path / 'bad.json'}")


def test_without_a_key_it_says_which_one_is_wanted(config: Path) -> None:
    ran = kubernetes(config, "pull-secret", "--namespace", "shop")
    assert ran.code == 2
    assert "roles/artifactregistry.reader" in ran.err


def test_a_failover_policy_comes_with_switch_binding_and_secret(tmp_path: Path, config: Path) -> None:
    ran = kubernetes(config, "failover-policy", "--pods-in", "shop", "--key-file", tmp_path / "reader.json")
    found = documents(ran.out)
    assert [one["kind"] for one in found] == [
        "ConfigMap",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "Secret",
    ]
    assert found[0]["data"] == {
        "enabled": "false",
        "from": "registry.example/acme",
        "to": "eu.gcr.io/acme-prod/gitlab/acme",
        "pullSecret": found[3]["metadata"]["name"],
    }
    kyverno = documents(kubernetes(config, "failover-policy", "--kind", "Kyverno").out)
    assert [one["kind"] for one in kyverno] == ["ConfigMap", "ClusterPolicy"]


def test_a_node_gets_the_mirror_and_a_login_only_when_asked(tmp_path: Path, config: Path) -> None:
    read = tomllib.loads(kubernetes(config, "containerd").out)
    assert list(read["host"]) == ["https://registry.example", "https://eu.gcr.io/v2/acme-prod/gitlab"]
    assert "header" not in read["host"]["https://eu.gcr.io/v2/acme-prod/gitlab"]
    file = tmp_path / "hosts.toml"
    assert kubernetes(config, "containerd", "--key-file", tmp_path / "reader.json", "-o", file).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    header = tomllib.loads(file.read_text())["host"]["https://eu.gcr.io/v2/acme-prod/gitlab"]["header"]
    login = base64.b64encode(f"_json_key:{key('reader')}".encode()).decode()
    assert header == {"Authorization": [f"Basic {login}"]}


def test_a_mirror_that_is_not_there_is_named_with_those_that_are(config: Path) -> None:
    ran = kubernetes(config, "containerd", "--mirror", "other")
    assert (ran.code, ran.err) == (2, "gcr-mirror: there is no mirror 'other'; the configuration has shop\n")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, config: Path) -> None:
    ran = kubernetes(config, "containerd", "-o", tmp_path / "missing" / "hosts.toml")
    assert ran.code == 2
    wanted = tmp_path / "missing" / "hosts.toml"
    assert ran.err == f"gcr-mirror: {wanted} cannot be written: No such file or directory\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("pull-secret", "--namespace", "My_Shop"), "'My_Shop' is no namespace"),
        (("pull-secret", "--namespace", "shop", "--name", "pull secret"), "'pull secret' is no name"),
        (("pull-secret", "--namespace", "shop", "--beside", ""), "'' is no name"),
        (("failover-policy", "--namespace", "a.b"), "'a.b' is no namespace"),
        (("failover-policy", "--pods-in", "Shop"), "'Shop' is no namespace"),
        (("containerd", "--dial-timeout", "soon"), "'soon' is no duration"),
    ],
)
def test_what_kubernetes_or_containerd_would_refuse_is_not_written(
    tmp_path: Path, config: Path, words: tuple[str, ...], says: str
) -> None:
    file = tmp_path / "out"
    more = () if words[0] == "containerd" else ("--key-file", tmp_path / "reader.json")
    ran = kubernetes(config, *words, *more, "-o", file)
    assert (ran.code, says in ran.err, file.exists()) == (2, True, False)
