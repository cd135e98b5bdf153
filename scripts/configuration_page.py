"""Print docs/reference/configuration.md, made from the JSON Schema of the configuration.

.venv/bin/python scripts/configuration_page.py >docs/reference/configuration.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mirror.config import schema

_INTRODUCTION = """\
<!-- Made by scripts/configuration_page.py from mirror/config/model.py; a test compares. -->

# The configuration file

[config.example.yaml](../../config.example.yaml) shows every key in its place, and
[config.schema.json](config.schema.json) lets editors complete and check them. `gcr-mirror config check` tells every
mistake at once, each with its line and what to write instead, and contacts nobody.

Unknown keys are mistakes. `${NAME}` in a value is replaced by the variable NAME of the environment, which must be
set; `$${` stands for `${`. Relative paths begin where the file is. Passwords, tokens and keys are never in the
file: it says where they are kept, and they are read when they are used.
"""

_PATTERNS = """\
## Patterns of repositories

| written | means |
|---|---|
| `*` | any text within one part of the path |
| `**` | any number of parts, none included: `acme/**` is `acme`, `acme/shop` and `acme/shop/api` |
| `?`, `[abc]`, `[a-z]`, `[!a]` | one character: any, one of these, one that is not |
| `{api,web}` | either |
| `!pattern` | not these, wherever it stands in the list |

A path is meant when any pattern fits and no negation does. Paths are those below the source's project.

## Tags

The filters apply in the order of the table: names, then versions, then age, then count. A tag whose time is unknown
is never dropped for its age and does not count among the newest; with `semver`, the newest are then the
highest versions. Signatures (`sha256-….sig` and the like) are not selected by patterns: they go with their image.

Versions are tags such as `v1.2.3`, `1.2` or `2024.01`; ranges are npm's: `>=1.0 <2`, `^1.2`, `1.x || 2.x`. A
pre-release fits only a range that names a pre-release of the same version.

## Two mirrors, one place

Two mirrors that would write to one repository are refused, with a path that both would write. The answer takes
prefixes, patterns and negations into account. It is exact, unless the patterns are too tangled to follow to the
end: then they are refused as well, and a different `prefix` settles it.
"""


def page(whole: dict[str, Any]) -> str:
    """The whole page as Markdown."""
    parts = {name: whole["$defs"][name] for name in _reading_order(whole, whole)}
    tables = "\n".join(_part(name, part) for name, part in {"The file": whole, **parts}.items())
    return f"{_INTRODUCTION}\n{tables}\n{_PATTERNS}"


def _reading_order(part: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    """What the file refers to, each before what it refers to itself."""
    order: dict[str, None] = {}
    for name in _references(part["properties"]):
        order |= dict.fromkeys([name, *_reading_order(whole["$defs"][name], whole)])
    return list(order)


def _part(name: str, part: dict[str, Any]) -> str:
    keys = sorted(part["properties"].items(), key=lambda item: item[0] != "kind")
    rows = "".join(_row(key, value, part.get("required", [])) for key, value in keys)
    return f"## {name}\n\n{part['description']}\n\n| key | default | what |\n|---|---|---|\n{rows}"


def _row(key: str, value: dict[str, Any], required: list[str]) -> str:
    default = (
        f"`{value['const']}`" if "const" in value else "required" if key in required else _default(value)
    )
    return f"| `{key}` | {default} | {_cell(value['description'])}{_link(value)} |\n"


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    if isinstance(default, dict):
        return "see there"
    text = default if isinstance(default, str) and default else json.dumps(default)
    return f"`{text}`"


def _link(value: dict[str, Any]) -> str:
    names = dict.fromkeys(_references(value))
    return "".join(f" [{name}](#{name.lower()})" for name in names)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for key, child in value.items():
            if key != "discriminator":
                yield from _references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _references(child)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")


if __name__ == "__main__":
    print(page(schema()), end="")
