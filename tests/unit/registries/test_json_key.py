"""A service account's key is told from everything else, and never shown."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mirror.demo.google import service_account_key
from mirror.demo.tokens import certificate_pem, signing_key
from mirror.errors import ConfigError
from mirror.registries.json_key import JsonKey, service_account

KEY = service_account_key("project")
TEXT = json.dumps(KEY, indent=2)
PEM: str = KEY["private_key"]


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption | None = None,
) -> str:
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"\n  {TEXT}\n",
        base64.b64encode(TEXT.encode()).decode(),
        base64.encodebytes(TEXT.encode()).decode(),
    ],
    ids=["raw", "spaces", "base64", "base64-in-lines"],
)
def test_a_key_is_read_raw_or_in_base64(text: str) -> None:
    login = JsonKey(lambda: text).login()
    assert login.username == "_json_key"
    assert json.loads(login.password) == KEY


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/run/secrets/key.json", "not JSON"),
        (TEXT.replace("\\n", "\n"), "not JSON"),
        (TEXT[:500], "not JSON"),
        ("{}", "something else"),
        ("[]", "something else"),
        ('"words"', "something else"),
        ('{"type": "external_account"}', "external_account"),
        ('{"type": "authorized_user", "refresh_token": "hunter2"}', "authorized_user"),
        (json.dumps({**KEY, "private_key": ""}), "lacks private_key"),
        (json.dumps({"type": "service_account"}), "lacks private_key, client_email, project_id"),
    ],
)
def test_what_is_no_key_is_told_and_not_repeated(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        JsonKey(lambda: text).login()
    assert "hunter2" not in str(raised.value)
    assert KEY["private_key"].splitlines()[1] not in str(raised.value)


def test_the_older_form_of_a_private_key_is_one_too() -> None:
    old = pem(signing_key(), PrivateFormat.TraditionalOpenSSL)
    assert old.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert service_account(json.dumps({**KEY, "private_key": old}))["private_key"] == old


@pytest.mark.parametrize(
    ("private_key", "said"),
    [
        ("MADE-UP", "has no line -----BEGIN PRIVATE KEY-----"),
        (PEM.replace("\n", "\\n"), "was escaped twice"),
        (PEM[:400], "was cut, or changed"),
        (
            "".join(PEM.splitlines(keepends=True)[:-3] + PEM.splitlines(keepends=True)[-1:]),
            "was cut, or changed",
        ),
        (PEM.replace(PEM.splitlines()[8], PEM.splitlines()[8][::-1]), "was cut, or changed"),
        ("-----BEGIN PRIVATE KEY-----\n(made up)\n-----END PRIVATE KEY-----\n", "was cut, or changed"),
        (certificate_pem().decode(), "is no private key"),
        (
            signing_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
            "is no private key",
        ),
        (pem(signing_key(), encryption=BestAvailableEncryption(b"hunter2")), "is locked with a password"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "is no RSA key"),
    ],
    ids=[
        "words",
        "escaped",
        "cut",
        "lines",
        "changed",
        "made-up",
        "certificate",
        "public",
        "locked",
        "curve",
    ],
)
def test_a_private_key_that_is_none_is_told_and_not_repeated(private_key: str, said: str) -> None:
    text = json.dumps({**KEY, "private_key": private_key})
    with pytest.raises(ConfigError) as raised:
        service_account(text, "the JSON key key.json")
    message = str(raised.value)
    assert message.startswith("the JSON key key.json: its private_key ")
    assert said in message
    assert not [
        line for line in private_key.splitlines() if len(line) > 5 and "BEGIN" not in line and line in message
    ]


def test_a_login_needs_the_form_of_a_key_only() -> None:
    text = json.dumps(
        {**KEY, "private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}
    )
    assert JsonKey(lambda: text).login().password == text
    with pytest.raises(ConfigError, match="was cut, or changed"):
        service_account(text)
