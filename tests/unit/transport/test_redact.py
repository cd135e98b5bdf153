"""What may be said of a request, and what never."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.demo.google import service_account_key
from mirror.transport import redact

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJnaXRsYWIifQ.c2lnbmF0dXJl"
SECRETS = [
    JWT,
    "ya29.a0AfH6SMBx-very_secret.part",
    "glpat-0123456789abcdefghij",
    "gldt-0123456789abcdefghij",
    "glcbt-64_0123456789abcdefghij",
    "dckr_pat_0123456789abcdefghij",
]
AROUND = ["{}", "token={}", '{{"token": "{}"}}', "Authorization: Bearer {}\r\nX: y", "<b>{}</b>", "({})"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", AROUND)
def test_tokens_are_not_repeated_whatever_stands_around_them(secret: str, around: str) -> None:
    assert secret not in redact.detail(around.format(secret))


@pytest.mark.parametrize("scheme", ["Basic", "Bearer", "basic", "BEARER"])
def test_what_follows_a_scheme_is_not_repeated(scheme: str) -> None:
    secret = base64.b64encode(b"mirror:hunter2").decode()
    said = redact.detail(f"request had Authorization: {scheme} {secret}, sorry")
    assert secret not in said
    assert "sorry" in said


@pytest.mark.parametrize("form", [json.dumps, str, lambda key: key["private_key"]])
def test_a_private_key_is_not_repeated_in_any_form(form: object) -> None:
    key = service_account_key("p")
    text = form(key)  # type: ignore[operator] # one of the forms
    body = key["private_key"].splitlines()[1]
    assert body not in redact.detail(f"cannot parse {text}")


def test_a_private_key_that_is_cut_is_not_repeated_either() -> None:
    key = service_account_key("p")["private_key"]
    assert key.splitlines()[1] not in redact.detail(key[:300])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://u:p@h:5/a/b?Signature=s#f", "https://h:5/a/b"),
        ("http://h/v2/", "http://h/v2/"),
        ("/v2/x?digest=y", "/v2/x"),
        ("https://h", "https://h"),
    ],
)
def test_a_url_keeps_only_what_is_no_secret(text: str, expected: str) -> None:
    assert redact.url(text) == expected


def test_signed_urls_within_a_text_lose_their_signature() -> None:
    said = redact.detail("cannot GET https://storage/bucket/x?Expires=1&Signature=abc%3D, try again")
    assert said == "cannot GET https://storage/bucket/x try again"


def test_signed_paths_within_a_text_lose_their_signature_too() -> None:
    said = redact.detail("Max retries exceeded with url: /bucket/x?Expires=1&Signature=abc%3D (Caused by x)")
    assert "Signature=abc" not in said


@given(st.text())
def test_no_text_is_too_odd_and_none_comes_out_long_or_on_two_lines(text: str) -> None:
    said = redact.detail(text)
    assert len(said) <= 500
    assert not any(ord(char) < 32 or ord(char) == 127 for char in said)


@given(st.from_regex(r"https?://[\[\]:@/?#\w.%-]{0,30}", fullmatch=True))
def test_no_url_is_too_odd(text: str) -> None:
    assert "?" not in redact.url(text)
    redact.detail(f"see {text} for more")


@given(st.text(max_size=300), st.sampled_from(SECRETS), st.text(max_size=300))
def test_a_token_is_found_within_any_text(before: str, secret: str, after: str) -> None:
    assert secret not in redact.detail(f"{before} {secret} {after}")
