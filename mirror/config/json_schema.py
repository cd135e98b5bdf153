"""Schema: the JSON Schema of `config.yaml`, which editors complete and check by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec

from mirror.config.model import Alternatives, Config
from mirror.config.quantities import format_duration

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TITLE = "gcr-mirror configuration"


def schema() -> dict[str, Any]:
    """The JSON Schema as plain values."""
    _, parts = msgspec.json.schema_components(
        [Config], schema_hook=lambda _: {"type": "string"}, ref_template="#/$defs/{name}"
    )
    for node in _within(parts):
        _as_written(node)
    for part in parts.values():
        _of_its_kind(part)
    for model in Alternatives.__subclasses__():
        parts[model.__name__]["oneOf"] = [_alone(way, parts[model.__name__]) for way in model.ways]
    whole = parts.pop(Config.__name__)
    return {"$schema": DIALECT, "$defs": dict(sorted(parts.items())), **whole, "title": _TITLE}


def schema_text() -> str:
    """The JSON Schema as the file in docs/reference."""
    return json.dumps(schema(), indent=2) + "\n"


def _within(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a schema, the inner ones first."""
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _within(child)
    if isinstance(node, dict):
        yield node


def _as_written(node: dict[str, Any]) -> None:
    """Defaults as people write them: durations with units, and of a part nothing, since its keys have their own."""
    if node.pop("format", None) == "duration" and "default" in node:
        node["default"] = format_duration(msgspec.convert(node["default"], timedelta))
    if "$ref" in node and "default" in node:
        node["default"] = {}


def _of_its_kind(part: dict[str, Any]) -> None:
    """The word that tells registries apart, with what it means."""
    if "kind" in part["properties"]:
        (word,) = part["properties"]["kind"]["enum"]
        part["properties"]["kind"] = {"const": word, "description": part["description"]}


def _alone(way: str, part: dict[str, Any]) -> dict[str, Any]:
    """One of several ways, that is there and, when it is a switch, on."""
    is_on = {"properties": {way: {"const": True}}} if part["properties"][way].get("type") == "boolean" else {}
    return {"required": [way], **is_on}
