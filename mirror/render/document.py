"""Document: values as YAML that people read: keys in the order given, long texts as blocks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString


def document(value: Mapping[str, Any], comment: str = "") -> str:
    """One YAML document, with a comment above it."""
    writer = YAML(typ="rt", pure=True)
    writer.default_flow_style = False
    writer.width = 1 << 20  # a Secret's value stays on the line of its name
    writer.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    writer.dump(_blocks(value), text)
    return commented(comment) + text.getvalue()


def stream(documents: Iterable[str]) -> str:
    """Several documents in one file."""
    return "---\n".join(documents)


def commented(text: str) -> str:
    """The lines as YAML comments."""
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def _blocks(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _blocks(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_blocks(one) for one in value]
    return LiteralScalarString(value) if isinstance(value, str) and "\n" in value else value
