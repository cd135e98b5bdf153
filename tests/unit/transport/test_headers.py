"""The fields of an answer: what is read, and what is refused."""

from __future__ import annotations

import pytest

from mirror.transport.failures import Garbled
from mirror.transport.headers import Headers


def test_names_are_found_in_any_case() -> None:
    found = Headers.of(["Docker-Content-Digest: sha256:1"])
    assert found["docker-content-digest"] == found["DOCKER-CONTENT-DIGEST"] == "sha256:1"
    assert found.get("Docker-content-Digest", "") == "sha256:1"
    assert "Docker-content-digest" in found
    assert found.get("Location") is None
    assert found.get("Location", "nowhere") == "nowhere"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], {}),
        (["A:1"], {"a": "1"}),
        (["A:  b c \t"], {"a": "b c"}),
        (["A: b:c"], {"a": "b:c"}),
        (["A:"], {"a": ""}),
        (["A: 1", "B: x", "a: 2"], {"a": "1, 2", "b": "x"}),
        (["A: caf\xe9"], {"a": "caf\xe9"}),
        (["A: b"] * 100, {"a": ", ".join(["b"] * 100)}),
    ],
)
def test_what_is_read(lines: list[str], found: dict[str, str]) -> None:
    assert dict(Headers.of(lines)) == found


@pytest.mark.parametrize("lines", [["nonsense"], [": 1"], ["A : 1"], ["A: 1", " folded"], ["A: b"] * 101])
def test_what_is_refused(lines: list[str]) -> None:
    with pytest.raises(Garbled):
        Headers.of(lines)
