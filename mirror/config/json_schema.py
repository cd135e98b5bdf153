"""Schema: the JSON Schema of `config.yaml`, which editors complete and check by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from mirror.config.findings import Path
from mirror.config.model import Config
from mirror.config.quantities import format_duration

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _AsWritten(GenerateJsonSchema):
    """Defaults as people write them; no titles, which would only repeat the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False

    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def schema() -> dict[str, Any]:
    """The JSON Schema as plain values."""
    made = Config.model_json_schema(schema_generator=_AsWritten)
    return {"$schema": DIALECT, **made, "title": "gcr-mirror configuration"}


def schema_text() -> str:
    """The JSON Schema as the file in docs/reference."""
    return json.dumps(schema(), indent=2) + "\n"


def known_keys(path: Path, data: Any) -> list[str]:
    """The keys that the mapping at `path` may have."""
    whole = Config.model_json_schema()
    node = _resolved(whole, whole, data)
    for part in path:
        node = node.get("properties", {}).get(part) or _of_any_name(node) or node.get("items") or {}
        data = _child(data, part)
        node = _resolved(node, whole, data)
    return list(node.get("properties", {}))


def _resolved(node: Mapping[str, Any], whole: Mapping[str, Any], data: Any) -> Mapping[str, Any]:
    """The schema behind references, and behind choices the one that the data asks for."""
    while True:
        if "$ref" in node:
            node = whole["$defs"][node["$ref"].rpartition("/")[2]]
        elif "discriminator" in node:
            kind = data.get("kind") if isinstance(data, dict) else None
            node = {"$ref": node["discriminator"]["mapping"][kind]} if _is_kind(kind, node) else {}
        elif "anyOf" in node and "properties" not in node:
            node = next((choice for choice in node["anyOf"] if "$ref" in choice), {})
        else:
            return node


def _of_any_name(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of entries whose keys the user chooses."""
    return next(iter(node.get("patternProperties", {}).values()), {})


def _is_kind(kind: Any, node: Mapping[str, Any]) -> bool:
    return isinstance(kind, str) and kind in node["discriminator"]["mapping"]


def _child(data: Any, part: str | int) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None
