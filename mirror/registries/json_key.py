"""JSON key: a Google service account's key, as a login; what is none is told apart, and never shown.

A registry takes the whole key as a password, so a login needs no more than its form (`parts`). Whether the private key
in it is one (`service_account`) costs 10 MiB of memory: for those who check a key or hand it on.
"""

import base64
import binascii
import json
from typing import Any, NamedTuple

from mirror.errors import ConfigError
from mirror.oci.auth import Login
from mirror.registries.credentials import Read

_WANTED = ("private_key", "client_email", "project_id")
_NAME = "the JSON key"


class JsonKey(NamedTuple):
    """A Google service account's JSON key, raw or in base64; `name` is how messages call it."""

    read: Read
    name: str = _NAME

    def login(self) -> Login:
        """`_json_key` and the key's text; ConfigError says what the text is instead of a key."""
        text = self.read()
        parts(text, self.name)
        return Login("_json_key", decoded(text))


def decoded(text: str) -> str:
    """The JSON text of a key that may be in base64."""
    if text.lstrip().startswith("{"):
        return text
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return text


def service_account(text: str, name: str = _NAME) -> dict[str, Any]:
    """As `parts`, its private key parsed too."""
    key = parts(text, name)
    _complain(name, _problem(key["private_key"]))
    return key


def parts(text: str, name: str = _NAME) -> dict[str, Any]:
    """The parts of a service account's key. Raises ConfigError, without repeating anything of the text."""
    try:
        key = json.loads(decoded(text))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is not JSON (lost line ends? a path instead of the key?)") from error
    kind = key.get("type") if isinstance(key, dict) else None
    if kind != "service_account":
        found = f"a key of type {kind!r}" if isinstance(kind, str) else "something else"
        raise ConfigError(f"{name} is not a service account's key, but {found}")
    missing = [part for part in _WANTED if not (isinstance(key.get(part), str) and key[part])]
    if missing:
        raise ConfigError(f"{name} lacks {', '.join(missing)}: it was cut, or is not the whole file")
    _complain(name, _damage(key["private_key"]))
    return dict(key)


def _complain(name: str, problem: str | None) -> None:
    if problem:
        raise ConfigError(f"{name}: its private_key {problem}; hand over the file as it was downloaded")


def _damage(pem: str) -> str | None:
    """What can be seen of a private key without parsing it."""
    if "-----BEGIN" not in pem:
        return "has no line -----BEGIN PRIVATE KEY-----"
    if "\\n" in pem:
        return "has \\n where its lines should end: it was escaped twice"
    return None if "-----END" in pem else "is no private key: it was cut, or changed on the way"


def _problem(pem: str) -> str | None:
    """Why a text is no private key of Google's."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - slow; for those who have a key
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - the same
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - the same

    try:
        key = load_pem_private_key(pem.encode(), None)
    except TypeError:
        return "is locked with a password"
    except (ValueError, UnsupportedAlgorithm):
        return "is no private key: it was cut, or changed on the way"
    return None if isinstance(key, RSAPrivateKey) else "is no RSA key, as all of Google's are"
