"""The fields of an answer: what is read, and what is refused."""

from __future__ import annotations

from http.client import HTTPException
from io import BytesIO

import pytest

from mirror.transport import headers


def read(text: bytes) -> dict[str, str]:
    return dict(headers.read(BytesIO(text)))


def test_names_are_found_in_any_case() -> None:
    found = headers.read(BytesIO(b"Docker-Content-Digest: sha256:1\r\n\r\n"))
    assert found["docker-content-digest"] == found["DOCKER-CONTENT-DIGEST"] == "sha256:1"
    assert "Docker-content-digest" in found
    assert found.get("Location") is None


def test_reading_ends_at_the_empty_line() -> None:
    stream = BytesIO(b"A: 1\r\n\r\nbody")
    headers.read(stream)
    assert stream.read() == b"body"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"\r\n", {}),
        (b"A:1\n\n", {"a": "1"}),
        (b"A:  b c \t\r\n\r\n", {"a": "b c"}),
        (b"A: b:c\r\n\r\n", {"a": "b:c"}),
        (b"A:\r\n\r\n", {"a": ""}),
        (b"A: 1\r\nB: x\r\na: 2\r\n\r\n", {"a": "1, 2", "b": "x"}),
        (b"A: caf\xe9\r\n\r\n", {"a": "caf\xe9"}),
        (b"A: b\r\n" * 100 + b"\r\n", {"a": ", ".join(["b"] * 100)}),
    ],
)
def test_what_is_read(text: bytes, found: dict[str, str]) -> None:
    assert read(text) == found


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"A: 1\r\n",
        b"A: 1",
        b"nonsense\r\n\r\n",
        b": 1\r\n\r\n",
        b"A : 1\r\n\r\n",
        b"A: 1\r\n folded\r\n\r\n",
        b"A: " + b"y" * 70_000 + b"\r\n\r\n",
        b"A: b\r\n" * 101 + b"\r\n",
    ],
    ids=range(9),
)
def test_what_is_refused(text: bytes) -> None:
    with pytest.raises(HTTPException):
        read(text)
