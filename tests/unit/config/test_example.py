from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mirror.config import load, schema
from mirror.config.document import Document
from mirror.config.json_schema import schema_text

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config.example.yaml"
SCHEMA = ROOT / "docs" / "reference" / "config.schema.json"


def data() -> Any:
    return Document.read(EXAMPLE.read_text(encoding="utf-8"), {}).data


def test_the_example_is_a_configuration() -> None:
    config = load(EXAMPLE, {})
    assert list(config.registries) == ["gitlab", "gcr", "artifacts", "archive", "harbor"]
    assert [mirror.name for mirror in config.mirrors] == ["shop", "releases"]


def test_editors_accept_the_example() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(data(), schema(), jsonschema.Draft202012Validator)


def test_the_schema_that_editors_read_is_that_of_the_code() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), "run: scripts/docs"
    first = EXAMPLE.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA.relative_to(ROOT)}"


def test_every_key_is_in_the_example_with_a_comment() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for name, part in {"Config": schema(), **schema()["$defs"]}.items():
        for key in part.get("properties", {}):
            where = [
                i for i, line in enumerate(lines) if re.search(rf"(^|[ {{-]){key}:", line.partition("#")[0])
            ]
            assert where, f"{name}.{key} is not in {EXAMPLE.name}"
            commented = [i for i in where if "#" in lines[i] or lines[i - 1].lstrip().startswith("#")]
            assert commented or key in {"kind", "username", "credentials", "name"}, f"{key} has no comment"


def test_every_key_says_what_it_is_for_in_the_schema() -> None:
    silent = [
        f"{name}.{key}"
        for name, part in {"Config": schema(), **schema()["$defs"]}.items()
        for key, value in part.get("properties", {}).items()
        if not value.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("registries", "gitlab", "kind"), "gitlb"),
        (("registries", "gitlab", "hots"), "x"),
        (("registries", "gitlab", "credentials", "password"), "x"),
        (("registries", "artifacts", "credentials", "json_key_env"), "X"),
        (("mirrors", 0, "interval"), 5),
        (("mirrors", 0, "platforms"), "linux"),
        (("mirrors", 0, "on_moved_tag"), "x"),
        (("limits", "images"), 0),
    ],
)
def test_editors_refuse_what_the_program_refuses(path: tuple[str | int, ...], value: Any) -> None:
    changed = copy.deepcopy(data())
    place = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed, json.loads(schema_text()), jsonschema.Draft202012Validator)
