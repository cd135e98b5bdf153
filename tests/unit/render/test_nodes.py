"""What is no YAML is named by file and line: the line that is to be mended."""

from __future__ import annotations

import pytest

from mirror.errors import ConfigError
from mirror.render.nodes import composed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: b\nc: [\n\n\n", "2: is not YAML: the bracket that is opened here is never closed"),
        ("a:\n  - {b: [1, 2], c: 3\n\n", "2: is not YAML: the bracket that is opened here is never closed"),
        (
            "a: 1\nb: [1, 2\nc: 3\n",
            "2: is not YAML: parsing a flow sequence that begins here: expected ',' or",
        ),
        ("a: 'b\nc: d\ne: f\n", "1: is not YAML: scanning a quoted scalar that begins here: .* in line 4"),
        (
            "- a\nb\n\n\n- c",
            "2: is not YAML: scanning a simple key that begins here: could not find expected ':'",
        ),
        ("a:\n\t- b\n", "2: is not YAML: found character '\\\\t'"),
        ("a: 1\nb: *c\n", "2: is not YAML: found undefined alias 'c'"),
        ("a: 1\nb: \x00\n", "2: is not YAML: it has a control character"),
        ("a: 1\n{{ if .x }}\nb: 2\n", "2: is not YAML: .*render it first: helm template"),
        ("%FOO\n", "2: is not YAML"),
    ],
)
def test_the_line_is_the_one_that_is_to_be_mended(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=f"^a.yaml:{says}"):
        composed(text, "a.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "a: b\nc: " + "[" * 2_000,
        "a: b\nc: " + "{d: " * 2_000,
        "\n".join(f"{' ' * n}a:" for n in range(1_200)),
    ],
    ids=["lists", "maps", "blocks"],
)
def test_what_is_nested_deeper_than_python_can_follow_is_named(text: str) -> None:
    line = 2 if "b" in text else 101
    with pytest.raises(ConfigError, match=f"^a.yaml:{line}: is nested too deeply to be read$"):
        composed(text, "a.yaml")
