"""Tag: a name in a repository, with what its listing says of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mirror.oci.descriptor import Descriptor
from mirror.oci.digest import Digest


@dataclass(frozen=True, slots=True)
class Tag:
    """`digest` and `published` are None where the registry's listing does not tell them."""

    name: str
    digest: Digest | None = None
    published: datetime | None = None
    media_type: str = ""
    size: int = 0
    referrers: tuple[Descriptor, ...] = ()
