"""Wording: what a mistake means to the person who wrote the file.

No message repeats a value that may be a secret: of unknown keys only the key is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def unknown_key(key: str, known: Sequence[str]) -> str:
    """What to say of a key that its place does not have; `known` are those that it has."""
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


def no_choice(choices: Sequence[str], value: Any) -> str:
    """What to say of a word that is none of the choices."""
    return f"is none of {', '.join(choices)}{nearest(str(value), choices)}"


def lacks(wanted: str, value: Any) -> str:
    """What to say of a value that is not what is wanted, such as `a whole number`."""
    if value is None:
        return f"is empty; it wants {wanted}"
    if wanted == "text" and not isinstance(value, dict | list):
        return "wants text; put it in quotes"
    return f"wants {wanted}"


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?` when something similar is known, else ''."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for mistakes

    found = get_close_matches(word.lower(), known, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
