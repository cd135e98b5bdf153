from __future__ import annotations

import base64
import json

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from mirror.errors import ConfigError
from mirror.oci.auth import Login
from mirror.render.pull_secret import PullSecret, login_for, secrets_in

LOGIN = Login("_json_key", '{"type": "service_account",\n "private_key": "§"}')
SECRET = PullSecret("from-mirror", "shop", "eu.gcr.io", LOGIN)


def test_the_secret_is_what_docker_login_would_have_written() -> None:
    (secret, account) = YAML(typ="safe").load_all(SECRET.manifest())
    for one in (secret, account):
        kubernetes_validate.validate(one, "1.36", strict=True)
    held = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    assert list(held["auths"]) == ["eu.gcr.io"]
    entry = held["auths"]["eu.gcr.io"]
    assert (entry["username"], entry["password"]) == ("_json_key", LOGIN.password)
    assert base64.b64decode(entry["auth"]).decode() == f"_json_key:{LOGIN.password}"


def test_the_account_keeps_the_secrets_that_are_named() -> None:
    text = SECRET.manifest("api", ["gitlab", "from-mirror"])
    _, account = YAML(typ="safe").load_all(text)
    assert account["metadata"] == {"name": "api", "namespace": "shop"}
    assert account["imagePullSecrets"] == [{"name": "gitlab"}, {"name": "from-mirror"}]
    assert "Pods that list imagePullSecrets do not" in text


def test_no_secret_shows_in_a_repr() -> None:
    assert "private_key" not in repr(SECRET)


def test_the_login_is_the_kubelets_choice_the_longest_key_that_fits() -> None:
    wide, narrow = Login("wide", "1"), Login("narrow", "2")
    secrets = [
        YAML(typ="safe").load(PullSecret("a", "n", host, login).secret())
        for host, login in (("eu.gcr.io", wide), ("https://eu.gcr.io/proj/shop/v2/", narrow))
    ]
    assert login_for(secrets, "eu.gcr.io", "proj/shop/api") == narrow
    assert login_for(secrets, "eu.gcr.io", "proj/shopping") == wide
    assert login_for(secrets, "gcr.io", "proj/shop") is None
    assert login_for(secrets, "eu.gcr.io.example", "proj/shop") is None


def test_an_entry_with_auth_alone_is_read_too() -> None:
    auth = base64.b64encode(b"ann:a:b").decode()
    secret = {
        "metadata": {"name": "x"},
        "stringData": {".dockerconfigjson": json.dumps({"auths": {"h": {"auth": auth}}})},
    }
    assert login_for([secret], "h", "a") == Login("ann", "a:b")


@pytest.mark.parametrize("text", ["no json", "[]", '{"auths": {"h": {}}}', '{"auths": {"h": {"auth": "%"}}}'])
def test_a_secret_that_cannot_be_read_is_named_and_not_shown(text: str) -> None:
    secret = {"metadata": {"name": "broken"}, "stringData": {".dockerconfigjson": text}}
    with pytest.raises(ConfigError, match="the Secret broken") as caught:
        login_for([secret], "h", "a")
    assert text not in str(caught.value)


def test_pull_secrets_are_found_among_other_documents_and_in_lists() -> None:
    opaque = "kind: Secret\ntype: Opaque\n"
    listed = (
        "kind: List\nitems:\n- {kind: Secret, type: kubernetes.io/dockerconfigjson, metadata: {name: b}}\n"
    )
    found = secrets_in(
        f"{SECRET.manifest()}\n---\n{opaque}\n---\n{listed}\n---\n- 1\n---\nitems: 5\n", "all.yaml"
    )
    assert [one["metadata"]["name"] for one in found] == ["from-mirror", "b"]
    assert login_for(found, "eu.gcr.io", "proj/api") == LOGIN


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: b\nc: [", r"all\.yaml:2: is not YAML"),
        (
            SECRET.secret().replace(".dockerconfigjson: ", ".dockerconfigjson: §"),
            r"all\.yaml:3: the Secret from-mirror holds no docker configuration",
        ),
    ],
)
def test_a_file_of_secrets_that_cannot_be_read_is_named_by_line(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        secrets_in(text, "all.yaml")
