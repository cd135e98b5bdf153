"""The search for a secret in a log, in whatever form it may have got there."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from tests.servers.pair import JOB_TOKEN, Pair


def traces(secret: str, output: str) -> list[str]:
    """The parts of a secret, plain or in base64, that can be read in the output."""
    encoded = base64.b64encode(secret.encode()).decode()
    lines: Iterable[str] = [*secret.split("\n"), *secret.split("\\n"), *pieces(encoded)]
    # Shorter ones are of every key, or of none.
    return [line for line in lines if len(line) > 20 and "PRIVATE KEY" not in line and line in output]


def pieces(text: str) -> list[str]:
    """A text cut into lines, as base64 prints it."""
    return [text[start : start + 40] for start in range(0, len(text) - 40, 40)]


def private_parts(pair: Pair) -> str:
    """What nobody may read: the private key with its id, and the job's token."""
    return f"{pair.key['private_key']}\n{pair.key['private_key_id']}\n{JOB_TOKEN}"
