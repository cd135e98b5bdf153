"""Wording: what a validation error means to the person who wrote the file.

No message repeats a value that may be a secret: of unknown keys only the key is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic_core import ErrorDetails

from mirror.config.fields import nearest
from mirror.config.findings import Path

_ELSEWHERE = "write password_file: PATH, or password_env: NAME of a variable"
_AT_GOOGLE = "write json_key_file: PATH, or json_key_env: NAME of a variable"
SECRETS = {
    **dict.fromkeys(("password", "passwd", "token", "private_token", "access_token", "secret"), _ELSEWHERE),
    **dict.fromkeys(("json_key", "key", "private_key"), _AT_GOOGLE),
}
_SYNONYMS = {
    "token_file": "password_file",
    "token_env": "password_env",
    "user": "username",
    "url": "host",
    "registry": "host",
    "ca": "ca_file",
    "repos": "repositories",
    "concurrency": "images",
}
_KINDS = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
} | dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number")
_NUMBERS = dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number")
_LISTS = dict.fromkeys(("tuple_type", "list_type"), "a list; write [one, two] or a line with '- ' for each")
_MAPPINGS = dict.fromkeys(
    ("model_type", "dict_type", "model_attributes_type"), "a mapping; write key: value, indented"
)
_WANTED = _KINDS | _NUMBERS | _LISTS | _MAPPINGS | {"path_type": "the path of a file"}


def word(error: ErrorDetails, path: Path, known: Sequence[str]) -> str:
    """The message for one error of pydantic; `known` are the keys that its place has."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), known)
    if kind in ("literal_error", "union_tag_invalid"):
        return _choice(
            str(context.get("expected") or context.get("expected_tags")), context.get("tag", value)
        )
    if kind in _WANTED:
        return _kind(_WANTED[kind], value)
    return _PLAIN.get(kind, error["msg"]).format(**context)


_PLAIN = {
    "wrong": "{message}",
    "missing": "is missing; add it",
    "union_tag_not_found": "has no kind; add kind: gitlab, google or oci",
    "too_short": "is empty; it wants at least one entry",
    "string_too_short": "is empty; write something",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
}


def _unknown_key(key: str, known: Sequence[str]) -> str:
    if key in SECRETS:
        ways = (
            _AT_GOOGLE
            if "json_key_file" in known
            else _ELSEWHERE
            if "password_file" in known
            else SECRETS[key]
        )
        return f"a secret does not stand in this file; {ways}"
    if _SYNONYMS.get(key) in known:
        return f"is no key here; did you mean {_SYNONYMS[key]!r}?"
    return f"is no key here{nearest(key, known) or '; known are ' + ', '.join(known)}"


def _choice(expected: str, value: Any) -> str:
    choices = expected.replace("'", "").replace(" or ", ", ").split(", ")
    return f"is none of {', '.join(choices)}{nearest(str(value), choices)}"


def _kind(wanted: str, value: Any) -> str:
    if value is None:
        return f"is empty; it wants {wanted}"
    if wanted == "text" and not isinstance(value, dict | list):
        return "wants text; put it in quotes"
    return f"wants {wanted}"
