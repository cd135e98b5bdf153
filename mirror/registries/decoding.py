"""Decoding: a vendor's own list of tags, read straight into the shape that it is documented to have.

A pass with nothing to do is mostly this, so msgspec does it: it makes no dictionaries on the way.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec import MsgspecError
from msgspec.json import Decoder

from mirror.errors import Unsupported
from mirror.oci.registry import Registry
from mirror.transport import redact

T = TypeVar("T")


def decoded(registry: Registry, decoder: Decoder[T], body: bytes) -> T:
    """The list in the body of an answer. Raises Unsupported for anything else, and says where it differs."""
    try:
        return decoder.decode(body)
    except (MsgspecError, ValueError, RecursionError) as error:
        raise Unsupported(
            f"{registry.host} lists what cannot be read: {redact.detail(str(error))}"
        ) from error
