"""What a registry's error answer means, and what is said of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.errors import (
    Denied,
    NotFound,
    RateLimited,
    RegistryError,
    Unauthorized,
    Unavailable,
    Unsupported,
)
from mirror.oci.codes import error_for
from mirror.transport.answer import Answer

URL = "https://h/v2/acme/app/manifests/1.0?Signature=secret"


def error(status: int, body: Any = b"", **headers: str) -> RegistryError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_for("GET", Answer(status, {k.replace("_", "-"): v for k, v in headers.items()}, raw, URL))


def said(code: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message, **more}]}


@pytest.mark.parametrize(
    ("status", "kind", "temporary"),
    [
        (400, RegistryError, False),
        (401, Unauthorized, False),
        (403, Denied, False),
        (404, NotFound, False),
        (405, Unsupported, False),
        (408, Unavailable, True),
        (413, RegistryError, False),
        (415, Unsupported, False),
        (416, RegistryError, False),
        (429, RateLimited, True),
        (500, Unavailable, True),
        (501, RegistryError, False),
        (502, Unavailable, True),
        (503, Unavailable, True),
        (504, Unavailable, True),
        (507, RegistryError, False),
    ],
)
def test_the_status_decides_the_kind_and_whether_it_may_pass(
    status: int, kind: type[RegistryError], temporary: bool
) -> None:
    found = error(status)
    assert type(found) is kind
    assert found.temporary is temporary
    assert found.status == status


@pytest.mark.parametrize("code", ["PROTECTED_TAG", "PROTECTED_MANIFEST", "IMMUTABLE_TAG", "DENIED"])
def test_gitlabs_401_for_a_protected_tag_is_no_refused_login(code: str) -> None:
    assert type(error(401, said(code))) is Denied


def test_codes_and_messages_are_kept_and_told() -> None:
    found = error(404, {"errors": [{"code": "A", "message": "one"}, {"code": "B", "message": "two"}]})
    assert found.codes == ("A", "B")
    assert str(found) == "GET https://h/v2/acme/app/manifests/1.0: 404 A one; B two"
    assert found.request == "GET https://h/v2/acme/app/manifests/1.0"


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("Schema 1 manifest not supported", True),
        ({"digest": "x"}, False),
        ([], False),
        (None, False),
        ("", False),
    ],
)
def test_a_detail_in_words_is_told(detail: Any, told: bool) -> None:
    message = str(error(400, said("MANIFEST_INVALID", "manifest invalid", detail=detail)))
    assert message.endswith(f"manifest invalid: {detail}" if told else "manifest invalid")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Service Unavailable</html>",
        b"",
        b"null",
        b"[]",
        b'{"errors": null}',
        b'{"errors": 5}',
        b'{"errors": {"code": "X"}}',
        b'{"errors": ["just words"]}',
        b'{"errors": [null]}',
        b'{"message": "x"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_body_of_another_form_is_no_problem(body: bytes) -> None:
    found = error(503, body)
    assert isinstance(found, Unavailable)
    assert len(str(found)) < 1000


def test_words_of_a_proxy_are_told() -> None:
    assert "Service Unavailable" in str(error(503, b"<html><h1>Service\nUnavailable</h1></html>"))


def test_the_wait_that_was_asked_for_is_kept() -> None:
    for status in (429, 503):
        assert getattr(error(status, Retry_After="7"), "retry_after", None) == 7.0
        assert getattr(error(status), "retry_after", None) is None


def test_no_secret_of_the_answer_is_repeated() -> None:
    token = "glpat-0123456789abcdefghij"
    found = error(
        403, said("DENIED", f"token {token} may not see https://s/x?Signature=secret", detail=token)
    )
    assert token not in str(found)
    assert "secret" not in str(found)


@given(st.integers(100, 599), st.binary(max_size=200), st.text(max_size=40))
def test_no_answer_is_too_odd(status: int, body: bytes, header: str) -> None:
    assert error(status, body, Retry_After=header).status == status


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_no_json_is_too_odd(value: Any) -> None:
    error(500, {"errors": value})
    error(500, {"errors": [value]})
    error(500, {"errors": [{"code": value, "message": value, "detail": value}]})
